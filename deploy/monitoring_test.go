package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// TestMonitoring builds the manifests with the optional component and reads what it adds strictly: each role is
// asked by one monitor, at a port it has, under a job that the alerts know, and the rules are those of prometheus/alerts.yaml.
func TestMonitoring(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubernetes")
	if err := os.CopyFS(dir, os.DirFS("kubernetes")); err != nil {
		t.Fatal(err)
	}
	main := filepath.Join(dir, "kustomization.yaml")
	if err := os.WriteFile(main, append(read(t, "kubernetes/kustomization.yaml"), "components: [monitoring]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{map[string]bool{}, map[string]bool{}, map[string]corev1.PodTemplateSpec{}, map[string]*metav1.LabelSelector{},
		map[string]string{}, map[string]bool{}}
	var pods monitoringv1.PodMonitor
	var services monitoringv1.ServiceMonitor
	var rules monitoringv1.PrometheusRule
	service := map[string]corev1.Service{}
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if r.GetNamespace() != "lineup" && r.GetKind() != "Namespace" {
			t.Errorf("%s %s is in namespace %q", r.GetKind(), r.GetName(), r.GetNamespace())
		}
		into := map[string]any{"PodMonitor": &pods, "ServiceMonitor": &services, "PrometheusRule": &rules}[r.GetKind()]
		if into == nil {
			err = c.add(r.GetKind()+" "+r.GetName(), r.GetName(), string(text))
		} else {
			err = yaml.UnmarshalStrict(text, into)
		}
		if err != nil {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		if r.GetKind() == "Service" {
			var s corev1.Service
			if err := yaml.UnmarshalStrict(text, &s); err != nil {
				t.Error(err)
			}
			service[s.Name] = s
		}
	}
	asked := map[string]int{}
	choose := func(selector labels.Selector, port string) {
		for name, pod := range c.pods {
			if selector.Matches(labels.Set(pod.Labels)) && slices.ContainsFunc(pod.Spec.Containers[0].Ports,
				func(p corev1.ContainerPort) bool { return p.Name == port }) {
				asked[name]++
			}
		}
	}
	selector, err := metav1.LabelSelectorAsSelector(&pods.Spec.Selector)
	if err != nil || len(pods.Spec.PodMetricsEndpoints) != 1 {
		t.Fatalf("PodMonitor: %v, %+v", err, pods.Spec)
	}
	choose(selector, *pods.Spec.PodMetricsEndpoints[0].Port)
	if selector, err = metav1.LabelSelectorAsSelector(&services.Spec.Selector); err != nil || len(services.Spec.Endpoints) != 1 {
		t.Fatalf("ServiceMonitor: %v, %+v", err, services.Spec)
	}
	jobs := []string{pods.Namespace + "/" + pods.Name} // how the operator names the job of a PodMonitor
	for _, s := range service {
		if selector.Matches(labels.Set(s.Labels)) {
			choose(labels.SelectorFromSet(s.Spec.Selector), s.Spec.Ports[0].TargetPort.String())
			jobs = append(jobs, s.Labels[services.Spec.JobLabel])
		}
	}
	if want := map[string]int{"Deployment scrape": 1, "Deployment index": 1, "Deployment query": 1}; !maps.Equal(asked, want) {
		t.Errorf("asked: %v, want each role once", asked)
	}
	known := regexp.MustCompile(`up\{job=~"([^"]+)"`).FindStringSubmatch(string(read(t, "prometheus/alerts.yaml")))
	if known == nil {
		t.Fatal("no alert on up")
	}
	for _, job := range jobs {
		if !regexp.MustCompile("^(?:" + known[1] + ")$").MatchString(job) {
			t.Errorf("the alerts do not know the job %q", job)
		}
	}
	if len(jobs) != 2 || len(rules.Spec.Groups) == 0 {
		t.Errorf("jobs %v, %d groups of rules", jobs, len(rules.Spec.Groups))
	}
	want := ruleResource(string(read(t, "prometheus/alerts.yaml")))
	if *update {
		if err := os.WriteFile("kubernetes/monitoring/rules.yaml", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, "kubernetes/monitoring/rules.yaml")) != want {
		t.Error("kubernetes/monitoring/rules.yaml is not prometheus/alerts.yaml: run this test with -update")
	}
}

// ruleResource is alerts.yaml as the Prometheus Operator's PrometheusRule.
func ruleResource(alerts string) string {
	var b strings.Builder
	b.WriteString("# Made of prometheus/alerts.yaml by go test -run TestMonitoring -update.\n" +
		"apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: lineup\nspec:\n")
	for line := range strings.Lines(alerts) {
		if text := strings.TrimSpace(line); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		b.WriteString("  " + line)
	}
	return b.String()
}
