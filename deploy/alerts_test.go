package deploy

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
)

// alertTest is a case of prometheus/tests.yaml.
type alertTest struct {
	Name        string
	Interval    string
	InputSeries []struct{ Series, Values string } `yaml:"input_series"`
	Alerts      []alertCase                       `yaml:"alert_rule_test"`
	QuietAt     []string                          `yaml:"quiet_at"` // nothing at all fires then
	Objective   bool                              // needs the recorded rules, from the start
}

type alertCase struct {
	Name     string `yaml:"alertname"`
	EvalTime string `yaml:"eval_time"`
	Exp      []struct {
		Labels map[string]string `yaml:"exp_labels"`
	} `yaml:"exp_alerts"`
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return time.Duration(d)
}

// firing evaluates all rules of alerts.yaml every step until the end, as Prometheus does, and calls
// seen with the labels of what fires then. (Prometheus' own package of rules would bring the clients of every cloud.)
func (a alertTest) firing(t *testing.T, groups *rulefmt.RuleGroups, end time.Duration,
	seen func(at time.Duration, firing map[string][]string)) {
	t.Helper()
	const step = 5 * time.Minute
	input := "load " + a.Interval + "\n"
	for _, s := range a.InputSeries {
		input += "  " + s.Series + " " + s.Values + "\n"
	}
	suite, err := promqltest.NewLazyLoader(input, promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true})
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	defer suite.Close()
	suite.SubqueryInterval = step
	since := map[string]time.Duration{} // by alert and labels, of what is pending or firing
	for at := a.begin(t, groups, step); at <= end; at += step {
		now, firing, active := time.Unix(0, 0).UTC().Add(at), map[string][]string{}, map[string]bool{}
		suite.WithSamplesTill(now, func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range groups.Groups {
				for _, rule := range group.Rules {
					if !a.asks(rule) {
						continue
					}
					for _, sample := range evaluate(t, suite, rule.Expr, now) {
						labelled := labels.NewBuilder(sample.Metric).Del("__name__")
						for name, value := range rule.Labels {
							labelled.Set(name, value)
						}
						if rule.Record != "" {
							record(t, suite, labelled.Set("__name__", rule.Record).Labels(), now, sample.F)
							continue
						}
						id := labelled.Set("alertname", rule.Alert).Labels().String()
						if _, pending := since[id]; !pending {
							since[id] = at
						}
						active[id] = true
						if at-since[id] >= time.Duration(rule.For) {
							firing[rule.Alert] = append(firing[rule.Alert], id)
						}
					}
				}
			}
		})
		maps.DeleteFunc(since, func(id string, _ time.Duration) bool { return !active[id] })
		seen(at, firing)
	}
}

// asks reports whether the case needs a rule: all of them where all have to be quiet.
func (a alertTest) asks(rule rulefmt.Rule) bool {
	return len(a.QuietAt) > 0 || rule.Record != "" && a.Objective ||
		slices.ContainsFunc(a.Alerts, func(c alertCase) bool { return c.Name == rule.Alert })
}

// begin is when evaluation has to start for what is asked: from the start where rules are recorded, else as
// long before as an alert waits.
func (a alertTest) begin(t *testing.T, groups *rulefmt.RuleGroups, step time.Duration) time.Duration {
	t.Helper()
	if a.Objective || len(a.QuietAt) > 0 {
		return 0
	}
	first, wait := time.Duration(math.MaxInt64), time.Duration(0)
	for _, c := range a.Alerts {
		first = min(first, duration(t, c.EvalTime))
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if a.asks(rule) {
				wait = max(wait, time.Duration(rule.For))
			}
		}
	}
	return max(0, first-wait-2*step).Truncate(step)
}

func evaluate(t *testing.T, suite *promqltest.LazyLoader, expr string, now time.Time) promql.Vector {
	t.Helper()
	query, err := suite.QueryEngine().NewInstantQuery(t.Context(), suite.Queryable(), nil, expr, now)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer query.Close()
	vector, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return slices.Clone(vector)
}

func record(t *testing.T, suite *promqltest.LazyLoader, name labels.Labels, now time.Time, value float64) {
	t.Helper()
	into := suite.Storage().Appender(t.Context())
	if _, err := into.Append(0, name, now.UnixMilli(), value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := into.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestAlertsFire runs prometheus/tests.yaml: every alert fires where it should, at least once in all, and
// none where nothing is wrong.
func TestAlertsFire(t *testing.T) {
	var file struct{ Tests []alertTest }
	if err := yaml.UnmarshalWithOptions(read(t, "prometheus/tests.yaml"), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(read(t, "prometheus/alerts.yaml"), false, model.UTF8Validation)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	fired := map[string]bool{}
	for _, c := range file.Tests {
		t.Run(c.Name, func(t *testing.T) {
			until := time.Duration(0)
			for _, quiet := range c.QuietAt {
				until = max(until, duration(t, quiet))
			}
			for _, alert := range c.Alerts {
				until = max(until, duration(t, alert.EvalTime))
			}
			c.firing(t, groups, until, func(at time.Duration, firing map[string][]string) {
				for _, quiet := range c.QuietAt {
					if duration(t, quiet) == at && len(firing) > 0 {
						t.Errorf("after %v fires %v", at, firing)
					}
				}
				for _, alert := range c.Alerts {
					if duration(t, alert.EvalTime) != at {
						continue
					}
					var want []string
					for _, e := range alert.Exp {
						e.Labels["alertname"] = alert.Name
						want = append(want, labels.FromMap(e.Labels).String())
						fired[alert.Name] = true
					}
					got := slices.Clone(firing[alert.Name])
					slices.Sort(got)
					slices.Sort(want)
					if !slices.Equal(got, want) {
						t.Errorf("%s after %v:\n%s\nwant\n%s", alert.Name, at, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
			})
		})
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" && !fired[rule.Alert] {
				t.Errorf("no test sees %s fire", rule.Alert)
			}
		}
	}
}
