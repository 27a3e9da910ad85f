package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestReload changes the configuration under a running lineup: a source that is enabled is crawled, a wrong
// file changes nothing, and what needs a restart is named. The process and its address stay.
func TestReload(t *testing.T) {
	a := newAllInOne(t)
	text, err := os.ReadFile(a.settings)
	must(t, err)
	site := regexp.MustCompile(`base_url: ("[^"]+")`).FindStringSubmatch(string(text))[1]
	write := func(more string) {
		t.Helper()
		must(t, os.WriteFile(a.settings, []byte(strings.Replace(string(text), "sources: {", more, 1)), 0o600))
	}
	said := func(want string) {
		t.Helper()
		a.eventually("the log says "+want, func() error {
			out, err := os.ReadFile(a.up.log)
			if err == nil && !strings.Contains(string(out), want) {
				err = errors.New("not yet")
			}
			return err
		})
	}
	enabled := fmt.Sprintf("log: {level: debug}\nsources: {us-ga: {enabled: true, base_url: %s}, ", site)
	write(enabled)
	if out, code := a.run("reload"); code != 0 {
		t.Fatalf("reload: exit %d: %s", code, out)
	}
	said("configuration reloaded")
	said("key=log.level needs=restart")
	if out, err := os.ReadFile(a.up.log); err != nil || strings.Contains(string(out), "key=listen") {
		t.Errorf("a flag is taken for a change: %v", err)
	}
	a.eventually("the source that was enabled is crawled", func() error {
		out, _ := a.run("runs", "us-ga")
		if !strings.Contains(out, "complete") {
			return errors.New(out)
		}
		return nil
	})
	limit := func() string {
		response, err := http.Get("http://" + a.up.public + "/sexoffender?lastName=MADEUP&key=" + a.key)
		must(t, err, response.Body.Close())
		return response.Header.Get("RateLimit-Limit")
	}
	if limit() != "1000000" {
		t.Errorf("a key may ask %s times a minute", limit())
	}
	must(t, os.WriteFile(a.settings, []byte(strings.Replace(string(text), "per_minute: 1000000", "per_minute: 777", 1)), 0o600))
	if out, code := a.run("reload"); code != 0 {
		t.Fatalf("reload: exit %d: %s", code, out)
	}
	a.eventually("keys have another limit", func() error {
		if now := limit(); now != "777" {
			return errors.New(now)
		}
		return nil
	})
	write("nonsense: 1\nsources: {")
	if _, code := a.run("reload"); code != exitMisuse {
		t.Errorf("reload of a wrong file: exit %d", code)
	}
	must(t, a.up.cmd.Process.Signal(syscall.SIGHUP))
	said("configuration not reloaded")
	if err := a.answersReady(); err != nil {
		t.Errorf("after a wrong file: %v", err)
	}
}
