package config

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate checks every value, and what values mean together.
func (l *loader) validate(in Input) {
	for _, s := range settings {
		if field, ok := l.scalars[s.Key]; ok {
			l.check(s.Key, s, field, in)
		}
	}
	if l.Data == "" {
		l.bad("data", l.Origins["data"], "name a directory to keep things in")
	}
	if l.Listen == "" {
		l.bad("listen", l.Origins["listen"], "name an address to answer at, like 127.0.0.1:8080")
	}
	if _, port, err := net.SplitHostPort(l.Private); err == nil && port != "0" && l.Private == l.Listen {
		l.bad("private", l.Origins["private"], "is the address of listen: health and metrics are for the operator alone, so give them another")
	}
	if l.lacks("s3.access_key", l.S3.AccessKey) != l.lacks("s3.secret_key", l.S3.SecretKey) {
		l.bad("s3", cmp.Or(l.Origins["s3.access_key"], l.Origins["s3.secret_key"]),
			"one of access_key and secret_key is missing: give both or neither")
	}
	if e := l.S3.Encryption; e != "" && e != "sse-s3" && !strings.HasPrefix(e, "sse-kms:") {
		l.bad("s3.encryption", l.Origins["s3.encryption"], "%q is neither sse-s3 nor sse-kms:KEY", e)
	}
	if (l.NATS.Cert == "") != (l.NATS.Key == "") {
		l.bad("nats", cmp.Or(l.Origins["nats.cert"], l.Origins["nats.key"]), "one of cert and key is missing: give both or neither")
	}
	if n := l.Notify; n.Webhook != "" && l.lacks("notify.secret", n.Secret) {
		l.bad("notify.secret", l.Origins["notify.webhook"], "is missing: a webhook is signed, so that its receiver knows who speaks")
	} else if n.SMTP != "" && (n.From == "" || n.To == "") {
		l.bad("notify", l.Origins["notify.smtp"], "notify.smtp needs notify.from and notify.to")
	}
	if every := l.Canary.Every; every > 0 && every < leastCanary {
		l.bad("canary.every", l.Origins["canary.every"], "%v is too often: 0s for never, else 10s or more", every)
	}
	if l.Canary.Every > 0 && l.NATS.URL != "" && l.lacks("canary.key", l.Canary.Key) {
		l.bad("canary.key", l.Origins["canary.every"], "is missing: over nats.url an administrator makes it (lineup keys add canary --canary)")
	}
	l.validateSources(in)
}

// leastCanary is how often the canary may be searched for at most: each time is a search by face.
const leastCanary = 10 * time.Second

// lacks reports whether a secret is not set, and that is not told already: of a file that cannot be read.
func (l *loader) lacks(key, value string) bool {
	return value == "" && !slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Key == key+"_file" })
}

// check checks one value against its setting.
func (l *loader) check(key string, s Setting, field reflect.Value, in Input) {
	where := l.Origins[key]
	if s.Secret && strings.HasPrefix(string(where), "file ") {
		where += " (" + Origin(key) + "_file)"
	}
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		if n := field.Int(); (s.Min != 0 || s.Max != 0) && (n < s.Min || n > s.Max) {
			l.bad(key, where, "%s is not in %s", text(field), s.Bounds())
		}
	case reflect.String:
		value := field.String()
		if len(s.OneOf) > 0 && !slices.Contains(s.OneOf, value) {
			l.bad(key, where, "%q is none of %s", value, strings.Join(quoted(s.OneOf), ", "))
		}
		if value == "" {
			return
		}
		if problem := s.Kind.check(value, in); problem != "" {
			if s.Secret { // its text may hold a password
				l.bad(key, where, "%s", problem)
			} else {
				l.bad(key, where, "%q %s", value, problem)
			}
		}
	}
}

// Problem says what is wrong with a value of the kind, as after the value itself; "" for nothing. Of schedules it knows nothing.
func (k Kind) Problem(value string) string { return k.check(value, Input{}) }

// check says what is wrong with a value of the kind; "" for nothing.
func (k Kind) check(value string, in Input) string {
	switch k {
	case Address:
		_, port, err := net.SplitHostPort(value)
		if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
			return "is not host:port, like 127.0.0.1:8080"
		}
	case URL:
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return "is no address like https://lineup.example.org"
		}
	case Webhook:
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "is no address like https://hooks.example.org/lineup"
		}
	case Mail:
		for one := range strings.SplitSeq(value, ",") {
			if _, err := mail.ParseAddress(strings.TrimSpace(one)); err != nil {
				return "is no e-mail address like operator@example.org (several stand between commas)"
			}
		}
	case URLs:
		for one := range strings.SplitSeq(value, ",") {
			u, err := url.Parse(strings.TrimSpace(one))
			if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss", "http", "https"}, u.Scheme) {
				return "is no list of addresses like tls://nats-0.example.org:4222,tls://nats-1.example.org:4222"
			}
		}
	case Contact:
		u, err := url.Parse(value)
		isURL := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
		name, host, isMail := strings.Cut(value, "@")
		if !isURL && (!isMail || name == "" || host == "" || strings.ContainsAny(value, " \t")) {
			return "is neither an e-mail address nor a URL that somebody can write to"
		}
	case Networks:
		for one := range strings.SplitSeq(value, ",") {
			one = strings.TrimSpace(one)
			_, network := netip.ParsePrefix(one)
			if _, address := netip.ParseAddr(one); network != nil && address != nil {
				return "is no list of addresses and networks like 10.0.0.0/8,192.0.2.7"
			}
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "is no date like 2026-01-31"
		}
	case Cron:
		if in.Schedule == nil {
			return ""
		}
		if err := in.Schedule(value); err != nil {
			return fmt.Sprintf(`is no schedule: %v; write five fields, like "0 3 * * *" for every night at three`, err)
		}
	}
	return ""
}

// validateSources looks at what is configured of each registry.
func (l *loader) validateSources(in Input) {
	var known map[string]Registry
	excluded := l.excluded()
	if in.Sources != nil && (len(l.Sources) > 0 || l.SourcesDir != "" || len(excluded) > 0) {
		var err error
		if known, err = in.Sources(l.SourcesDir); err != nil {
			l.bad("sources", "", "%v", err)
			return
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if file := known[id].Shadows; file != "" {
			l.Warnings = append(l.Warnings, fmt.Sprintf("sources_dir: %s is read by %s, in the place of the definition that came with "+
				"this program", id, file))
		}
	}
	for _, id := range excluded {
		if _, ok := known[id]; known != nil && !ok {
			like := nearest(id, slices.Collect(maps.Keys(known)))
			l.bad("index.enrol_excluded", l.Origins["index.enrol_excluded"], "there is no source %q%s (lineup sources list "+
				"names them all)", id, like)
		}
	}
	nameless := ""
	for _, id := range slices.Sorted(maps.Keys(l.Sources)) {
		source, key := l.Sources[id], "sources."+id
		l.checkSource(key, reflect.ValueOf(source), in)
		registry, ok := known[id]
		if known != nil && !ok {
			like := nearest(id, slices.Collect(maps.Keys(known)))
			l.bad(key, l.Origins[key], "there is no such source%s (lineup sources list names them all)", like)
			continue
		}
		sample := source.BaseURL != ""
		if sample && !loopback(source.BaseURL) {
			where := l.Origins[key+".base_url"]
			l.bad(key+".base_url", where, "%q is not on this machine: want a loopback address, like http://127.0.0.1:8099", source.BaseURL)
		}
		for name, word := range map[string]*Word{"terms_read": source.TermsRead, "checked": source.Checked} {
			if word != nil && (word.Who == "" || word.When == "") {
				l.bad(key+"."+name, l.Origins[key], "needs who and when (YYYY-MM-DD)")
			}
		}
		if source.Enabled && !sample && !registry.LinkOnly && !registry.Import {
			l.warnUnread(key, source, registry)
		}
		p := source.Permission
		if p != nil && !p.Valid() {
			l.bad(key+".permission", l.Origins[key], "needs who, when (YYYY-MM-DD) and reference")
		}
		enabled := l.Origins[key+".enabled"]
		switch {
		case !source.Enabled:
		case registry.LinkOnly:
			l.bad(key+".enabled", enabled, "this registry is only linked to, never crawled: take the line out")
		case registry.Import:
			l.bad(key+".enabled", enabled, "this source is read from files: take the line out and use lineup import")
		case registry.Permission && p == nil && !sample:
			l.bad(key+".enabled", enabled, "this registry is crawled only with a permission: write %s.permission (who, when, reference, terms) "+
				"once the agency has given it", key)
		case !sample && l.Contact == "" && nameless == "":
			nameless = id
		}
	}
	if nameless != "" {
		l.bad("contact", l.Origins["contact"], "%s is not asked by a nameless program: "+
			"set contact to an e-mail address or URL that the site's owner can complain to", nameless)
	}
}

// warnUnread warns of what a source still needs before it is crawled. It is a warning and no error, so that an
// installation from before this was asked starts; its records go stale until the operator answers.
func (l *loader) warnUnread(key string, source Source, registry Registry) {
	if registry.Terms != TermsKnown && source.TermsRead == nil {
		l.Warnings = append(l.Warnings, fmt.Sprintf("%s is not crawled until its terms were read: look for what they say of automated reading, "+
			"copying and photos at %s, then write %s.terms_read: {who: ..., when: YYYY-MM-DD}", key, registry.Terms, key))
	}
	if registry.Unverified && source.Checked == nil {
		l.Warnings = append(l.Warnings, fmt.Sprintf("%s is not crawled until its definition was held against the real site, which "+
			"nobody has done: "+
			"try saved pages with lineup sources try, then write %s.checked: {who: ..., when: YYYY-MM-DD}", key, key))
	}
}

// checkSource holds the values of one source against their settings.
func (l *loader) checkSource(key string, v reflect.Value, in Input) {
	for i := range v.NumField() {
		field, name := v.Field(i), key+"."+v.Type().Field(i).Tag.Get("yaml")
		if field.Kind() == reflect.Pointer {
			if !field.IsNil() {
				l.checkSource(name, field.Elem(), in)
			}
			continue
		}
		if s, ok := setting(name); ok {
			l.check(name, s, field, in)
		}
	}
}

func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
