package deploy

import (
	"net/netip"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// peer is somebody in the cluster, or an address outside of it.
type peer struct {
	namespace string
	labels    map[string]string
	address   string
}

func pod(namespace, name string) peer {
	return peer{namespace: namespace, labels: map[string]string{"app.kubernetes.io/name": name, "k8s-app": name}}
}

func selects(t *testing.T, s *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(labels.Set(of))
}

// meant reports whether a rule's peer of a policy in namespace lineup is p.
func meant(t *testing.T, r networkingv1.NetworkPolicyPeer, p peer) bool {
	t.Helper()
	if r.IPBlock != nil {
		address, err := netip.ParseAddr(p.address)
		if err != nil {
			return false
		}
		inside := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(address) }
		return inside(r.IPBlock.CIDR) && !slices.ContainsFunc(r.IPBlock.Except, inside)
	}
	if p.address != "" {
		return false
	}
	if r.NamespaceSelector == nil && p.namespace != "lineup" {
		return false
	}
	if r.NamespaceSelector != nil && !selects(t, r.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": p.namespace}) {
		return false
	}
	return r.PodSelector == nil || selects(t, r.PodSelector, p.labels)
}

func opens(ports []networkingv1.NetworkPolicyPort, port int) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntValue() == port })
}

// passes reports whether the policies let from reach port of to. Only namespace lineup has policies.
func passes(t *testing.T, policies []networkingv1.NetworkPolicy, from, to peer, port int) bool {
	t.Helper()
	out, in := from.namespace != "lineup", to.namespace != "lineup"
	for _, p := range policies {
		if from.namespace == "lineup" && selects(t, &p.Spec.PodSelector, from.labels) {
			for _, rule := range p.Spec.Egress {
				out = out || opens(rule.Ports, port) &&
					(len(rule.To) == 0 || slices.ContainsFunc(rule.To, func(r networkingv1.NetworkPolicyPeer) bool { return meant(t, r, to) }))
			}
		}
		if to.namespace == "lineup" && selects(t, &p.Spec.PodSelector, to.labels) {
			for _, rule := range p.Spec.Ingress {
				in = in || opens(rule.Ports, port) &&
					(len(rule.From) == 0 || slices.ContainsFunc(rule.From, func(r networkingv1.NetworkPolicyPeer) bool { return meant(t, r, from) }))
			}
		}
	}
	return out && in
}

// TestNetworkPolicies holds who reaches whom, by the policies' own meaning: everything that is not
// named in some policy is shut, in and out.
func TestNetworkPolicies(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	var policies []networkingv1.NetworkPolicy
	shut := false
	for _, resource := range built.Resources() {
		if resource.GetKind() != "NetworkPolicy" {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		var p networkingv1.NetworkPolicy
		if err := yaml.UnmarshalStrict(text, &p); err != nil {
			t.Fatal(err)
		}
		policies = append(policies, p)
		all := len(p.Spec.PodSelector.MatchLabels)+len(p.Spec.PodSelector.MatchExpressions) == 0
		shut = shut || all && len(p.Spec.PolicyTypes) == 2 && len(p.Spec.Ingress)+len(p.Spec.Egress) == 0
	}
	if !shut {
		t.Error("no policy shuts everything that no other opens")
	}
	stranger, prometheus, keda := pod("default", "stranger"), pod("monitoring", "prometheus"), pod("keda", "keda-operator")
	scrape, index, query, nats := pod("lineup", "scrape"), pod("lineup", "index"), pod("lineup", "query"), pod("lineup", "nats")
	storage, qdrant, dns := pod("storage", "minio"), pod("qdrant", "qdrant"), pod("kube-system", "kube-dns")
	world, metadata, private := peer{address: "203.0.113.7"}, peer{address: "169.254.169.254"}, peer{address: "10.0.0.1"}
	for _, c := range []struct {
		name     string
		from, to peer
		port     int
		want     bool
	}{
		{"a client asks the API", stranger, query, 8080, true},
		{"the world asks the API", world, query, 8080, true},
		{"a stranger reads profiles", stranger, query, 9090, false},
		{"Prometheus reads query", prometheus, query, 9090, true},
		{"Prometheus reads scrape", prometheus, scrape, 9090, true},
		{"Prometheus reads index", prometheus, index, 9090, true},
		{"somebody else in its namespace does not", pod("monitoring", "grafana"), index, 9090, false},
		{"one role reads another's profiles", query, index, 9090, false},
		{"a stranger in the namespace reaches NATS", pod("lineup", "stranger"), nats, 4222, false},
		{"a stranger reaches NATS", stranger, nats, 4222, false},
		{"scrape writes the ledger", scrape, nats, 4222, true},
		{"index writes marks", index, nats, 4222, true},
		{"query reads the ledger", query, nats, 4222, true},
		{"the administrator works", pod("lineup", "admin"), nats, 4222, true},
		{"streams are prepared", pod("lineup", "prepare"), nats, 4222, true},
		{"a role poses as a route", query, nats, 6222, false},
		{"servers meet", nats, nats, 6222, true},
		{"KEDA counts jobs", keda, nats, 8222, true},
		{"a stranger reads NATS' monitoring", stranger, nats, 8222, false},
		{"a role reads NATS' monitoring", query, nats, 8222, false},
		{"query reads photos", query, storage, 9000, true},
		{"index searches", index, qdrant, 6334, true},
		{"index reaches Qdrant's page", index, qdrant, 6333, false},
		{"NATS reaches storage", nats, storage, 9000, false},
		{"names are asked", query, dns, 53, true},
		{"scrape crawls", scrape, world, 443, true},
		{"scrape reaches the machine's metadata", scrape, metadata, 80, false},
		{"scrape reaches private addresses", scrape, private, 443, false},
		{"query reaches out", query, world, 443, false},
		{"index reaches out", index, world, 443, false},
		{"NATS reaches out", nats, world, 443, false},
		{"query reaches strangers", query, stranger, 443, false},
	} {
		if got := passes(t, policies, c.from, c.to, c.port); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
