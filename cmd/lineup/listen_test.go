package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/internal/testkit/loopback"
)

// TestUpWarnsWhereOthersReachIt holds that an all-in-one that others than this machine reach says at its start that public is not
// set, and starts: containers and `make run LISTEN=0.0.0.0:8080` have none. On loopback, and with public, it says nothing of it.
func TestUpWarnsWhereOthersReachIt(t *testing.T) {
	for _, c := range []struct {
		name, listen, public string
		warned               bool
	}{
		{"every address", "0.0.0.0", "", true},
		{"loopback", "127.0.0.1", "", false},
		{"every address, with public", "0.0.0.0", "https://lineup.example.test", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &deployment{t: t, dir: t.TempDir()}
			_, port, _ := strings.Cut(loopback.Address(t), ":")
			cmd := ourself(t, "lineup", "up", "--listen", c.listen+":"+port, "--data", filepath.Join(d.dir, "data"), "--set", "private=")
			cmd.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(t), "LINEUP_PUBLIC="+c.public, "LINEUP_CONTACT=operator@example.test")
			house := d.start("up", cmd)
			d.eventually("it answers", func() error {
				select {
				case <-house.done:
					t.Fatalf("it ended: %v", house.err)
				default:
				}
				response, err := http.Get("http://127.0.0.1:" + port + "/healthz")
				if err != nil {
					return err
				}
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					err = errors.New(response.Status)
				}
				return err
			})
			said, err := os.ReadFile(house.log)
			must(t, err)
			if warned := strings.Contains(string(said), "public is not set"); warned != c.warned {
				t.Errorf("warned %v, want %v: %s", warned, c.warned, said)
			}
			must(t, house.terminate(t))
		})
	}
}

// TestATakenAddressIsToldAtOnce holds that an address that another program has ends the program before it loads anything, and that it
// says which setting names another.
func TestATakenAddressIsToldAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	address, data := taken.Addr().String(), filepath.Join(t.TempDir(), "data")
	for line, hint := range map[string]string{"up --listen " + address: "--listen", "samplesite --listen " + address: "choose another address",
		"up --listen 127.0.0.1:0 --set private=" + address: "--set private"} {
		var said bytes.Buffer
		code := run(append(strings.Fields(line), "--data", data), io.Discard, &said)
		if code != exitFailed || !strings.Contains(said.String(), address) || !strings.Contains(said.String(), hint) ||
			strings.Contains(said.String(), "loading") || strings.Contains(said.String(), "WARN") {
			t.Errorf("lineup %s: exit %d: %s", line, code, &said)
		}
	}
}
