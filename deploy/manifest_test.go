package deploy

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/nats-io/nats-server/v2/server"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// deployed is a copy of this directory with secrets made as an operator makes them.
func deployed(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deploy")
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "secrets")); err != nil { // an operator's own
		t.Fatal(err)
	}
	for range 2 { // a second time nothing changes
		if out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "secrets.sh")).CombinedOutput(); err != nil {
			t.Fatalf("secrets.sh: %v: %s", err, out)
		}
	}
	return dir
}

// stages are the names of the container file's stages.
func stages(t *testing.T) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^FROM \S+ AS (\S+)$`).FindAllStringSubmatch(string(read(t, "Containerfile")), -1) {
		names = append(names, m[1])
	}
	return names
}

// TestCompose loads compose.yaml as Docker does, by the schema of the Compose specification, with
// every profile and everything it refers to.
func TestCompose(t *testing.T) {
	dir := deployed(t)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("lineup", true); o.Profiles = []string{"*"} })
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) < 8 {
		t.Errorf("only %d services", len(project.Services))
	}
	for name, s := range project.Services {
		if s.Build != nil && !slices.Contains(stages(t), s.Build.Target) {
			t.Errorf("%s is built to stage %q, which the container file has not", name, s.Build.Target)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
		stays := s.Restart == types.RestartPolicyUnlessStopped
		if stays && (s.HealthCheck == nil || len(s.HealthCheck.Test) == 0) {
			t.Errorf("%s has no health check", name)
		}
		if !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s keeps capabilities", name)
		}
		if core := s.Ulimits["core"]; !s.ReadOnly || s.PidsLimit <= 0 || s.MemLimit <= 0 || core == nil || core.Single+core.Hard+core.Soft != 0 {
			t.Errorf("%s may write to its root, make any number of processes, take all memory or leave a core dump", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s is published on %q, want loopback: a proxy with TLS stands before it", name, p.HostIP)
			}
		}
	}
}

// TestComposeNetworks holds that an engine sees no other engine, and that only what must reaches out
// of the host.
func TestComposeNetworks(t *testing.T) {
	dir := deployed(t)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("lineup", true); o.Profiles = []string{"*"} })
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]bool{}
	for name, s := range project.Services {
		for network := range s.Networks {
			n := project.Networks[network]
			open[name] = open[name] || !bool(n.Internal) && n.DriverOpts["com.docker.network.bridge.enable_ip_masquerade"] != "false"
		}
		for other, o := range project.Services {
			engines := []string{"nats", "s3", "qdrant"}
			if name == other || !slices.Contains(engines, name) || !slices.Contains(engines, other) {
				continue
			}
			for network := range s.Networks {
				if _, shared := o.Networks[network]; shared {
					t.Errorf("%s sees %s", name, other)
				}
			}
		}
	}
	for name, reaches := range open {
		if want := name == "scrape"; reaches != want {
			t.Errorf("%s is on a network that leads out: %v, want %v", name, reaches, want)
		}
	}
	for _, role := range []string{"scrape", "index", "query", "prepare", "admin"} {
		for _, engine := range []string{"nats", "s3", "qdrant"} {
			if _, ok := project.Services[role].Networks[engine]; !ok {
				t.Errorf("%s does not reach %s", role, engine)
			}
		}
	}
}

// TestCertificates holds what secrets.sh makes to its use: a server of clients cannot pass for a client or a
// route, and what joins the routes is signed by an authority of their own.
func TestCertificates(t *testing.T) {
	dir := filepath.Join(deployed(t), "secrets")
	certificate := func(name string) *x509.Certificate {
		block, _ := pem.Decode(read(t, filepath.Join(dir, name+".pem")))
		if block == nil {
			t.Fatalf("%s.pem holds no certificate", name)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	roots, routes := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(certificate("ca"))
	routes.AddCert(certificate("route-ca"))
	for _, server := range []string{"nats", "s3", "qdrant"} {
		c := certificate(server)
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: server}); err != nil {
			t.Errorf("%s: %v", server, err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
			t.Errorf("%s passes for a client", server)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: routes, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			t.Errorf("%s joins the cluster", server)
		}
	}
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		wanted := x509.VerifyOptions{Roots: routes, DNSName: "nats-0.nats", KeyUsages: []x509.ExtKeyUsage{use}}
		if _, err := certificate("route").Verify(wanted); err != nil {
			t.Errorf("route: %v", err)
		}
	}
}

// TestNATSConfigs reads both configurations with the server's own parser and the secrets made for them.
func TestNATSConfigs(t *testing.T) {
	dir := deployed(t)
	node := "LINEUP_NODE: nats-0\nLINEUP_ROUTES: [\"nats://nats-1.nats:6222\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "nats", "node.conf"), []byte(node), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := strings.ReplaceAll(string(read(t, filepath.Join(dir, "secrets", "secrets.conf"))), "/etc/nats-tls/",
		filepath.Join(dir, "secrets")+"/")
	routes := string(read(t, filepath.Join(dir, "secrets", "routes.conf")))
	routes = strings.ReplaceAll(routes, "/etc/nats-tls/", filepath.Join(dir, "secrets")+"/")
	for name, text := range map[string]string{"secrets.conf": secrets, "routes.conf": routes} {
		if err := os.WriteFile(filepath.Join(dir, "nats", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"single.conf", "cluster.conf"} {
		o, err := server.ProcessConfigFile(filepath.Join(dir, "nats", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !o.SyncAlways || o.TLSConfig == nil || len(o.Users) != 4 || o.StoreDir != "/data" {
			t.Errorf("%s: sync %v, TLS %v, %d users, data in %s", name, o.SyncAlways, o.TLSConfig != nil, len(o.Users), o.StoreDir)
		}
	}
}

// scaled is KEDA's ScaledObject, as far as a rule here may use it.
type scaled struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            struct {
		ScaleTargetRef  struct{ Name string }
		MinReplicaCount int
		MaxReplicaCount int
		CooldownPeriod  int
		Triggers        []struct {
			Type     string
			Metadata map[string]string
		}
	}
}

// cluster is what the kustomization builds.
type cluster struct {
	configs, secrets map[string]bool
	pods             map[string]corev1.PodTemplateSpec // by "Kind name"
	selectors        map[string]*metav1.LabelSelector  // by "Kind name", of what chooses pods
	targets          map[string]string                 // by "Kind name", of what scales
	idle             map[string]bool                   // by "Kind name", what has no pods until somebody scales it
}

// TestKustomization builds the manifests as kubectl does, reads each strictly as the type of
// Kubernetes it is, and follows what refers to what.
func TestKustomization(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{map[string]bool{}, map[string]bool{}, map[string]corev1.PodTemplateSpec{}, map[string]*metav1.LabelSelector{},
		map[string]string{}, map[string]bool{}}
	for _, m := range regexp.MustCompile(`(?m)^#   ((?:lineup-\w+(?:, )?)+) `).FindAllStringSubmatch(string(read(t,
		"kubernetes/kustomization.yaml")), -1) {
		for _, name := range strings.Split(m[1], ", ") {
			c.secrets[name] = true
		}
	}
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		name := r.GetKind() + " " + r.GetName()
		if r.GetKind() != "Namespace" && r.GetNamespace() != "lineup" {
			t.Errorf("%s is in namespace %q", name, r.GetNamespace())
		}
		if err := c.add(name, r.GetName(), string(text)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	for name, pod := range c.pods {
		if err := c.checkPod(pod, strings.HasPrefix(name, "Job ") || c.idle[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, chooses := range c.selectors {
		selector, err := metav1.LabelSelectorAsSelector(chooses)
		if err != nil || !slices.ContainsFunc(slices.Collect(maps.Values(c.pods)),
			func(p corev1.PodTemplateSpec) bool { return selector.Matches(labels.Set(p.Labels)) }) {
			t.Errorf("%s chooses no pod: %v %v", name, chooses, err)
		}
	}
	for name, target := range c.targets {
		if _, ok := c.pods[target]; !ok {
			t.Errorf("%s scales %s, which is not there", name, target)
		}
	}
	for _, want := range []string{"Deployment scrape", "Deployment index", "Deployment query", "StatefulSet nats", "Job prepare",
		"Deployment admin"} {
		if _, ok := c.pods[want]; !ok {
			t.Errorf("no %s", want)
		}
	}
	for _, workload := range []string{"scrape", "index", "query", "nats"} {
		if c.selectors["PodDisruptionBudget "+workload] == nil {
			t.Errorf("%s has no disruption budget", workload)
		}
	}
	if len(c.targets) != 1 {
		t.Errorf("%d rules scale, want one", len(c.targets))
	}
}

// add reads one manifest strictly as its type.
func (c *cluster) add(name, short, text string) error {
	as := func(into any) error { return yaml.UnmarshalStrict([]byte(text), into) }
	switch kind, _, _ := strings.Cut(name, " "); kind {
	case "Namespace":
		return as(&corev1.Namespace{})
	case "ConfigMap":
		c.configs[short] = true
		return as(&corev1.ConfigMap{})
	case "Service":
		var s corev1.Service
		err := as(&s)
		c.selectors[name] = &metav1.LabelSelector{MatchLabels: s.Spec.Selector}
		return err
	case "PodDisruptionBudget":
		var b policyv1.PodDisruptionBudget
		err := as(&b)
		c.selectors[name] = b.Spec.Selector
		return err
	case "NetworkPolicy":
		var p networkingv1.NetworkPolicy
		err := as(&p)
		c.selectors[name] = &p.Spec.PodSelector
		return err
	case "Deployment":
		var d appsv1.Deployment
		err := as(&d)
		c.pods[name], c.selectors[name] = d.Spec.Template, d.Spec.Selector
		c.idle[name] = d.Spec.Replicas != nil && *d.Spec.Replicas == 0
		return err
	case "StatefulSet":
		var s appsv1.StatefulSet
		err := as(&s)
		c.pods[name], c.selectors[name] = s.Spec.Template, s.Spec.Selector
		return err
	case "Job":
		var j batchv1.Job
		err := as(&j)
		c.pods[name] = j.Spec.Template
		return err
	case "ScaledObject":
		var s scaled
		err := as(&s)
		c.targets[name] = "Deployment " + s.Spec.ScaleTargetRef.Name
		return err
	}
	return fmt.Errorf("no type to read it as")
}

// checkPod holds what every pod has, and that it refers to what is there.
func (c *cluster) checkPod(pod corev1.PodTemplateSpec, ends bool) error {
	have := map[string]bool{}
	for _, v := range pod.Spec.Volumes {
		have[v.Name] = true
		if v.EmptyDir != nil && v.EmptyDir.SizeLimit.IsZero() {
			return fmt.Errorf("volume %s may fill the node's disk", v.Name)
		}
		if v.ConfigMap != nil && !c.configs[v.ConfigMap.Name] {
			return fmt.Errorf("config map %s is not there", v.ConfigMap.Name)
		}
		if v.Secret != nil && !c.secrets[v.Secret.SecretName] {
			return fmt.Errorf("secret %s is not among those the kustomization asks for", v.Secret.SecretName)
		}
	}
	if security := pod.Spec.SecurityContext; security == nil || security.RunAsNonRoot == nil || !*security.RunAsNonRoot {
		return fmt.Errorf("may run as root")
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, m := range container.VolumeMounts {
			if !have[m.Name] && m.Name != "data" {
				return fmt.Errorf("%s mounts %s, which is not there", container.Name, m.Name)
			}
		}
		for _, e := range container.EnvFrom {
			if e.SecretRef == nil || !c.secrets[e.SecretRef.Name] {
				return fmt.Errorf("%s takes its environment from what the kustomization does not ask for", container.Name)
			}
		}
		if !strings.HasPrefix(container.Image, "registry.example/") {
			return fmt.Errorf("image %s is not one of the kustomization's", container.Image)
		}
		if err := checkSize(container); err != nil {
			return err
		}
		if s := container.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
			return fmt.Errorf("%s may write to its root", container.Name)
		}
	}
	for _, container := range pod.Spec.Containers {
		if !ends && (container.StartupProbe == nil || container.ReadinessProbe == nil || container.LivenessProbe == nil) {
			return fmt.Errorf("%s lacks a probe", container.Name)
		}
	}
	return nil
}

// checkSize holds that a container takes no more of its node than it says, and that Go knows it: it
// collects before the kernel kills. What is not Go's (dlib, SQLite) has room beside it.
func checkSize(container corev1.Container) error {
	limits := container.Resources.Limits
	if container.Resources.Requests.Cpu().IsZero() || limits.Memory().IsZero() || limits.StorageEphemeral().IsZero() {
		return fmt.Errorf("%s has no size", container.Name)
	}
	if len(container.Command) > 0 && container.Command[0] == "bash" {
		return nil
	}
	for _, e := range container.Env {
		if e.Name != "GOMEMLIMIT" {
			continue
		}
		soft, err := resource.ParseQuantity(strings.TrimSuffix(e.Value, "B"))
		if err != nil {
			return fmt.Errorf("%s: %s %q: %w", container.Name, e.Name, e.Value, err)
		}
		if share := soft.AsApproximateFloat64() / limits.Memory().AsApproximateFloat64(); share < 0.5 || share > 0.85 {
			return fmt.Errorf("%s: GOMEMLIMIT is %.2f of what it may have", container.Name, share)
		}
		return nil
	}
	return fmt.Errorf("%s has no GOMEMLIMIT", container.Name)
}

// TestInstructionLevel compiles a vectorised loop with the compiler wrapper and looks at what
// came out with the check that the container file runs on the program.
func TestInstructionLevel(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "loop.cpp")
	if err := os.WriteFile(source, []byte("void scale(float* a, float b, int n) { for (int i = 0; i < n; i++) a[i] *= b; }\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		built, claimed string
		ok             bool
	}{{"x86-64-v2", "x86-64-v2", true}, {"x86-64-v3", "x86-64-v3", true}, {"x86-64-v3", "x86-64-v2", false},
		{"x86-64-v4", "x86-64-v3", false}} {
		object := filepath.Join(dir, c.built+".o")
		cmd := exec.Command("./cxx.sh", "-O3", "-march=native", "-mprefer-vector-width=512", "-c", source, "-o", object)
		cmd.Env = append(os.Environ(), "LINEUP_MARCH="+c.built)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("compile for %s: %v: %s", c.built, err, out)
		}
		out, err := exec.Command("./march.sh", object, c.claimed).CombinedOutput()
		if (err == nil) != c.ok {
			t.Errorf("built for %s, checked for %s: %v: %s", c.built, c.claimed, err, out)
		}
	}
	// The checks are part of the build, and it is one build for images and packages.
	for _, name := range []string{"Containerfile", "release.sh"} {
		if !strings.Contains(string(read(t, name)), "deploy/link.sh ") {
			t.Errorf("%s links a program of its own", name)
		}
	}
	for _, check := range []string{"deploy/march.sh", "deploy/hardened.sh", "deploy/portable.sh"} {
		if !strings.Contains(string(read(t, "link.sh")), check) {
			t.Errorf("what is linked is not looked at by %s", check)
		}
	}
}

// TestPortable holds that the check tells a program that needs glibc alone from one that needs more.
func TestPortable(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "p.c")
	if err := os.WriteFile(source, []byte("#include <zlib.h>\n#include <stdio.h>\nint main() { puts(zlibVersion()); return 0; }\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		library string
		ok      bool
	}{{"-l:libz.a", true}, {"-lz", false}} {
		program := filepath.Join(dir, "p")
		if out, err := exec.Command("cc", "-o", program, source, c.library).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := exec.Command("./portable.sh", program).CombinedOutput()
		if (err == nil) != c.ok || !c.ok && !strings.Contains(string(out), "libz.so.1") {
			t.Errorf("linked with %s: %v: %s", c.library, err, out)
		}
	}
}

// TestLicencesTravel holds that the image of the program carries its licence and those of its parts.
func TestLicencesTravel(t *testing.T) {
	_, stage, _ := strings.Cut(string(read(t, "Containerfile")), " AS lineup-bare\n")
	stage, _, _ = strings.Cut(stage, "\nFROM ")
	for _, name := range []string{"LICENSE", "NOTICE", "licenses"} {
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Error(err)
		}
		if !regexp.MustCompile(`(?m)^COPY .*\b` + name + ` .*/usr/share/doc/lineup`).MatchString(stage) {
			t.Errorf("the image lacks %s", name)
		}
	}
}
