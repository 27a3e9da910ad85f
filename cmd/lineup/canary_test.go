package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/config"
	"lineup/internal/notify"
	"lineup/internal/operate"
	"lineup/internal/operate/canary"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/qdranttest"
	"lineup/queryd/keys"
	"lineup/schemas"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// asked is one request, for whoever's key.
type asked struct{ name, method, path, body, kind string }

// everyQuestion asks every route of the API, every page and every tool, generally and for one registrant.
func everyQuestion(t *testing.T, id schemas.UUID) (all []asked) {
	t.Helper()
	photo, err := faces.Files.ReadFile("p017b.jpg")
	must(t, err)
	image := base64.StdEncoding.EncodeToString(photo)
	post := func(name, path, body string) { all = append(all, asked{name, "POST", path, body, "application/json"}) }
	get := func(name, path string) { all = append(all, asked{name, "GET", path, "", ""}) }
	form := func(name, path, body string) {
		all = append(all, asked{name, "POST", path, body, "application/x-www-form-urlencoded"})
	}
	for _, more := range []string{"", `,"details":true,"limit":50`, `,"source":["canary"]`, `,"state":["NY"]`, `,"sex":["male","female"]`} {
		post("faces "+more, "/faces", fmt.Sprintf(`{"queryImageBase64":%q%s}`, image, more))
	}
	for _, query := range []string{"uuid=" + string(id), "state=NY", "dob=1975", "age=40", "state=NY&page=2&perPage=7",
		"lastName=a&fuzzy=true",
		"lat=42&lng=-75&radius=100", "source=canary&state=NY", "updatedAtStart=2026-01-01&state=NY", "q=canary", "dob=1975&perPage=100",
		"faceId=" + string(schemas.FaceID(id, schemas.DigestOf(photo)))} {
		get("sexoffender "+query, "/sexoffender?"+query)
		post("sexoffender, POST "+query, "/sexoffender?"+query, "{}")
	}
	get("photo", "/photos/"+string(id))
	get("changes", "/v1/changes?limit=1000")
	post("watch", "/v1/watches", fmt.Sprintf(`{"uuid":%q}`, id))
	get("watches", "/v1/watches")
	get("coverage", "/v1/coverage")
	get("retention", "/v1/retention")
	get("evidence", "/v1/matches/"+string(id)+"-1/evidence")
	get("terms", "/v1/terms")
	get("readyz", "/readyz")
	get("healthz", "/healthz")
	get("openapi", "/openapi.json")
	for _, page := range []string{"/", "/search", "/coverage", "/terms", "/retention", "/docs", "/record/" + string(id)} {
		get("page "+page, page)
	}
	form("page of a record", "/record/"+string(id), "key={key}")
	form("page of a search", "/search", "key={key}&state=NY")
	for tool, arguments := range map[string]string{"search_offenders": `{"state":"NY"}`,
		"search_faces": fmt.Sprintf(`{"photoBase64":%q}`, image),
		"get_record":   fmt.Sprintf(`{"uuid":%q}`, id), "coverage": "{}", "changes": "{}"} {
		all = append(all, asked{"tool " + tool, "POST", "/mcp",
			fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`,
				tool, arguments), "application/json"})
	}
	return all
}

// passing are parts of answers that differ from one to the next: times, and ids of answers, links and cursors.
var passing = regexp.MustCompile(`[A-Z][a-z]+ \d\d?, \d{4}, \d\d:\d\d UTC|\d{4}-\d\d-\d\d[T ][0-9:.]+Z?|"ageHours":[0-9.]+|` +
	`[?&]amp;?[es]=[^"&\\]+|[?&][es]=[^"&\\ ]+|` +
	`"matchId":"[^"]+"|` +
	`(?:search|cursor|id|request)[a-zA-Z]*\\?":\s*\\?"[^"]+"|(?i)request number[^<]*<code>[^<]*|<code>[0-9a-f-]{36}</code>|Search ` +
	`number</dt><dd>[^<]*|go on with cursor [^,]+|"milliseconds":\d+|\d+ (?:second|minute)s? ago`)

// answers are the answers to every question, without what passes.
func (r *road) answers(key string, questions []asked) map[string]string {
	r.t.Helper()
	got := map[string]string{}
	for _, q := range questions {
		request := httptest.NewRequest(q.method, q.path, strings.NewReader(strings.ReplaceAll(q.body, "{key}", key)))
		request.Header.Set("X-API-Key", key)
		request.Header.Set("Accept", "application/json, text/event-stream")
		if strings.HasPrefix(q.name, "page") {
			request.Header.Set("Accept", "text/html")
			request.Header.Del("X-API-Key")
		}
		if q.kind != "" {
			request.Header.Set("Content-Type", q.kind)
		}
		w := httptest.NewRecorder()
		r.api.ServeHTTP(w, request)
		got[q.name] = fmt.Sprintf("%d %s", w.Code, passing.ReplaceAllString(w.Body.String(), "*"))
	}
	return got
}

// TestTheCanaryIsSeenByItsOwnKeyAlone runs the canary over either engine, and holds that no answer of any route, page or tool
// to anybody else changes by it, though it has the very photo of somebody; that it sees nobody else; and that it proves what it says.
func TestTheCanaryIsSeenByItsOwnKeyAlone(t *testing.T) {
	for name, change := range map[string]func(*App){
		"embedded": func(*App) {},
		"qdrant":   func(a *App) { a.Config.Qdrant.Address = qdranttest.Start(t, nil).Address },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoad(t, change)
			r.crawl("")
			id := schemas.RegistrantID(schemas.CanarySource, schemas.CanaryKey(0))
			questions := everyQuestion(t, id)
			before := r.answers(r.key, questions)
			if before["faces "] == before[`faces ,"source":["canary"]`] {
				t.Fatalf("nobody is found: %s", before["faces "])
			}
			door := httptest.NewServer(r.api)
			defer door.Close()
			secret, _, err := r.h.Keys.Add(t.Context(), "canary", keys.Limits{Canary: true, PerMinute: 10000})
			must(t, err)
			r.h.Config.Canary.URL, r.h.Config.Canary.Key = door.URL, secret
			c, err := r.h.Canary(t.Context(), "")
			must(t, err)
			r.renewMetrics()
			must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error {
				s, err := c.Round(ctx, false)
				if err != nil || len(s.Done) != 4 {
					return fmt.Errorf("the first round proved %v: %w", s.Done, err)
				}
				if s, err = c.Round(ctx, true); err != nil || len(s.Done) != len(canary.Steps()) || len(s.Late(time.Now(), time.Minute)) > 0 {
					return fmt.Errorf("a round of all steps proved %v: %w", s.Done, err)
				}
				return nil
			}))
			listing, err := r.h.Ledger.Find(t.Context(), id)
			if must(t, err); !listing.Listed {
				t.Fatal("the canary is not listed: this tests nothing")
			}
			after := r.answers(r.key, questions)
			for what := range before {
				if before[what] != after[what] {
					t.Errorf("%s: %s", what, cmp.Diff(before[what], after[what]))
				}
				if strings.Contains(after[what], "canary.invalid") || what != "watch" && strings.Contains(after[what], `"uuid":"`+string(id)) {
					t.Errorf("%s tells of the canary: %.500s", what, after[what])
				}
			}
			for what, answer := range r.answers(secret, questions) {
				if strings.Contains(answer, "Sampleton") || strings.Contains(answer, string(sampleID(samplesite.FirstID))) {
					t.Errorf("%s tells the canary's key of somebody: %.500s", what, answer)
				}
			}
			for what, answer := range r.answers(secret+"x", questions) {
				if strings.Contains(answer, string(id)) && strings.Contains(answer, "canary.invalid") {
					t.Errorf("%s tells a wrong key of the canary: %.500s", what, answer)
				}
			}
			status, err := r.h.Status(t.Context())
			must(t, err)
			for _, s := range status.Sources {
				if s.Source == schemas.CanarySource {
					t.Errorf("the status counts the canary as a source: %+v", s)
				}
			}
			audit, err := r.h.Audit(t.Context(), operate.Share(0), false, nil)
			if must(t, err); audit.Registrants != status.Sources[0].Listed || audit.Due != 0 || len(audit.Differences) > 0 {
				t.Errorf("an audit counts the canary: %+v, %d are listed", audit, status.Sources[0].Listed)
			}
			for _, g := range status.Generations {
				if listed := status.Sources[0].Listed; g.Counts.Registrants != listed {
					t.Errorf("a generation counts %d registrants, %d are listed", g.Counts.Registrants, listed)
				}
			}
			r.renewMetrics()
			must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error {
				s, err := c.RoundWithRemoval(ctx)
				if err != nil || s.Failure != "" {
					return fmt.Errorf("a removal: %+v: %w", s, err)
				}
				_, err = c.Round(ctx, false)
				return err
			}))
			listing, err = r.h.Ledger.Find(t.Context(), id)
			if must(t, err); listing.Listed || listing.Removal == nil {
				t.Errorf("the canary was removed for ever, and is %+v", listing)
			}
			next, err := r.h.Ledger.Find(t.Context(), schemas.RegistrantID(schemas.CanarySource, schemas.CanaryKey(1)))
			if must(t, err); !next.Listed {
				t.Errorf("the canary has not come back under its next key: %+v", next)
			}
		})
	}
}

// TestTheCanaryIsNotListedWhereNobodyAnswers holds that a canary that cannot ask says so at once, and leaves nothing behind.
func TestTheCanaryIsNotListedWhereNobodyAnswers(t *testing.T) {
	r := newRoad(t)
	r.h.Config.Canary = config.Canary{URL: "http://" + loopback.Address(t), Key: "a key"}
	c, err := r.h.Canary(t.Context(), "")
	must(t, err)
	if _, err := c.Round(t.Context(), true); err == nil || !strings.Contains(err.Error(), "canary.url") {
		t.Errorf("nobody answers: %v", err)
	}
	if l, err := r.h.Ledger.Find(t.Context(), schemas.RegistrantID(schemas.CanarySource, schemas.CanaryKey(0))); err == nil {
		t.Errorf("it was listed all the same: %+v", l)
	}
}

// TestTheCanaryNoticesWhatIsBroken holds that each step fails where what it proves does not work.
func TestTheCanaryNoticesWhatIsBroken(t *testing.T) {
	r := newRoad(t)
	secret, _, err := r.h.Keys.Add(t.Context(), "canary", keys.Limits{Canary: true, PerMinute: 10000})
	must(t, err)
	broken := ""
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if broken != "" && strings.HasPrefix(q.URL.Path, broken) {
			fmt.Fprint(w, `{"faceMatches":[],"offenders":[]}`)
			return
		}
		r.api.ServeHTTP(w, q)
	}))
	defer door.Close()
	r.h.Config.Canary = config.Canary{Every: time.Minute, URL: door.URL, Key: secret}
	c, err := r.h.Canary(t.Context(), "")
	must(t, err)
	must(t, r.h.WithWorker(t.Context(), func(ctx context.Context) error {
		_, err := c.Round(ctx, true)
		return err
	}))
	for path, want := range map[string]string{"/faces": "search", "/photos": "photo"} {
		broken = path
		s, err := c.Round(t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(s.Failure, want) {
			t.Errorf("%s is broken: %v, %q", path, err, s.Failure)
		}
	}
	broken = ""
	// who is delisted and answers all the same
	late := c.Now
	c.Now = func() time.Time { return late().AddDate(0, 0, 9) }
	status, err := r.h.Status(t.Context())
	must(t, err)
	if status.Canary == nil || len(status.Canary.Late) > 0 {
		t.Errorf("the status of a canary that is well: %+v", status.Canary)
	}
	if steps := status.Canary.State.Late(c.Now(), time.Minute); len(steps) != len(canary.Steps()) {
		t.Errorf("nine days later only %v are late", steps)
	}
	status.Canary.Late = canary.Steps()
	status.Attend(time.Now())
	if !slices.ContainsFunc(status.Attention, func(c notify.Condition) bool { return c.Kind == "canary" }) {
		t.Errorf("nobody is told of it: %v", status.Attention)
	}
	// a key that sees others is none for the canary
	c.Key, c.Now = r.key, time.Now
	r.crawl("")
	if _, err := c.Round(t.Context(), false); err == nil {
		t.Error("the canary takes a key that sees everybody")
	}
}
