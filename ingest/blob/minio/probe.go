package minio

import (
	"context"
	"fmt"
	"slices"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"

	"lineup/ingest/blob"
)

// expiryRule is the id of the one life-cycle rule that is ours; others are left as they are.
const expiryRule = "lineup-pages"

// Findings is what Probe learned of the bucket.
type Findings struct {
	Versioned    bool     // old versions are kept; Delete removes them all
	ExpiresPages bool     // the server deletes page snapshots by itself after Options.PageDays
	Warnings     []string // what an operator should know, each with what to do
}

// Probe asks the bucket what it can do, and sets its life-cycle rule where Options.PageDays
// asks for one. What an S3 does not have is a warning; a bucket that cannot be used is an error.
func (s *Store) Probe(ctx context.Context) (Findings, error) {
	var f Findings
	if err := s.Check(ctx); err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	config, err := s.client.GetBucketVersioning(ctx, s.opts.Bucket)
	switch {
	case err != nil && refused(err):
		f.Warnings = append(f.Warnings, "cannot tell whether the bucket keeps versions: grant s3:GetBucketVersioning, or removed photos may "+
			"live on as old versions")
	case err != nil:
		return f, s.failed(ctx, "ask for versioning", err)
	default:
		f.Versioned = config.Enabled() || config.Suspended()
	}
	if _, mode, _, _, err := s.client.GetObjectLockConfig(ctx, s.opts.Bucket); err == nil && mode != nil && *mode == s3.Compliance {
		f.Warnings = append(f.Warnings, "the bucket locks objects in compliance mode: nobody will be able to remove a registrant before the "+
			"lock ends; use governance mode or none")
	}
	if s.opts.PageDays == 0 || s.opts.ReadOnly {
		return f, nil
	}
	if err := s.setExpiry(ctx); err != nil {
		if !refused(err) {
			return f, s.failed(ctx, "set the life cycle of pages", err)
		}
		f.Warnings = append(f.Warnings, "the server does not take a life-cycle rule ("+s3.ToErrorResponse(err).Code+
			"): page snapshots are removed by lineup itself")
		return f, nil
	}
	f.ExpiresPages = true
	return f, nil
}

// setExpiry puts our rule among the bucket's, unless it is there already.
func (s *Store) setExpiry(ctx context.Context) error {
	config, err := s.client.GetBucketLifecycle(ctx, s.opts.Bucket)
	if s3.ToErrorResponse(err).Code == "NoSuchLifecycleConfiguration" {
		config, err = lifecycle.NewConfiguration(), nil
	}
	if err != nil {
		return err
	}
	days := lifecycle.ExpirationDays(s.opts.PageDays)
	want := lifecycle.Rule{
		ID: expiryRule, Status: "Enabled",
		RuleFilter: lifecycle.Filter{Prefix: s.opts.Prefix + string(blob.Page) + "/"},
		Expiration: lifecycle.Expiration{Days: days},
	}
	for i, rule := range config.Rules {
		if rule.ID != expiryRule {
			continue
		}
		if rule.Status == want.Status && rule.RuleFilter.Prefix == want.RuleFilter.Prefix && rule.Expiration.Days == days {
			return nil
		}
		config.Rules = slices.Delete(config.Rules, i, i+1)
		break
	}
	config.Rules = append(config.Rules, want)
	return s.client.SetBucketLifecycle(ctx, s.opts.Bucket, config)
}

// keepsVersions reports whether deleting an object would leave old versions of it.
func (s *Store) keepsVersions(ctx context.Context) (bool, error) {
	if known := s.versioned.Load(); known != nil {
		return *known, nil
	}
	config, err := s.client.GetBucketVersioning(ctx, s.opts.Bucket)
	if err != nil && !refused(err) {
		return false, fmt.Errorf("ask for versioning: %w", err)
	}
	versioned := err == nil && (config.Enabled() || config.Suspended())
	s.versioned.Store(&versioned)
	return versioned, nil
}

// refused reports whether err says that the server lacks what was asked, or keeps it from us.
func refused(err error) bool {
	switch s3.ToErrorResponse(err).Code {
	case s3.AccessDenied, s3.NotImplemented, s3.MethodNotAllowed, "MalformedXML", "InvalidRequest", "XNotImplemented":
		return true
	}
	return s3.ToErrorResponse(err).StatusCode == 501
}
