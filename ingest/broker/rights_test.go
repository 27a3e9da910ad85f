package broker_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"lineup/ingest/broker"
)

var update = flag.Bool("update", false, "write the rights into the deployed configuration")

// TestDeployedRights holds the configuration that is deployed to the table.
func TestDeployedRights(t *testing.T) {
	for _, file := range []string{"../../deploy/nats/lineup.conf", "../../deploy/kubernetes/lineup.conf"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		common, err := os.ReadFile("../../deploy/nats/lineup.conf")
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(common), "accounts {\n")
		want := head + broker.Accounts()
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(text) != want {
			t.Errorf("%s is not what the table says: go test ./ingest/broker -run DeployedRights -update", file)
		}
	}
}

// Nobody but the admin may make consumers, whose messages go wherever who makes one says.
func TestNoRoleMakesConsumers(t *testing.T) {
	for _, role := range broker.Roles() {
		for _, subject := range broker.Imports(role) {
			if strings.Contains(subject, ".CREATE") || subject == "$JS.API.>" {
				t.Errorf("%s imports %s", role, subject)
			}
		}
	}
}
