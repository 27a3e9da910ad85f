package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lineup/internal/testkit/brokertest"
	"lineup/internal/testkit/loopback"
)

// manager does for a role what systemd does: it keeps the socket of the API open while processes come and go, and hears how they are.
type manager struct {
	*allInOne
	role   string // "" is up
	nats   string // whose credentials the role has, where it is one alone
	socket *os.File
	notes  *net.UnixConn
}

// listens opens the socket of the API, and one to hear how the role is.
func (m *manager) listens() {
	m.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(m.t, err)
	m.up = &process{public: listener.Addr().String()}
	m.socket, err = listener.(*net.TCPListener).File()
	must(m.t, err, listener.Close())
	m.notes, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(m.t.TempDir(), "notify"), Net: "unixgram"})
	must(m.t, err)
	m.t.Cleanup(func() { m.socket.Close(); m.notes.Close() })
}

// restarts ends the role and begins it anew, again and again, while clients ask.
func (m *manager) restarts() {
	m.t.Helper()
	more, stop := m.clients()
	more("requests are answered")
	for range 2 {
		if err := m.up.terminate(m.t); err != nil {
			m.t.Error(err)
		}
		m.heard("STOPPING=1")
		m.begin()
		more("requests are answered after a restart")
	}
	stop()
}

// begin starts the role with the socket and waits until it says that it is ready.
func (m *manager) begin() {
	m.t.Helper()
	direct := m.lineup(cmp.Or(m.role, "up"))
	// Who gives a socket names the process that it is for; only that process knows its number beforehand.
	cmd := exec.Command("bash", append([]string{"-c", `export LISTEN_PID=$$; exec -a "$0" "$@"`, direct.Args[0], direct.Path},
		direct.Args[1:]...)...)
	private := loopback.Address(m.t)
	cmd.Env = append(direct.Env, "LISTEN_FDS=1", "LINEUP_PRIVATE="+private, "NOTIFY_SOCKET="+m.notes.LocalAddr().String())
	if m.nats != "" {
		cmd.Env = append(cmd.Env, "LINEUP_NATS_URL="+m.nats)
	}
	cmd.ExtraFiles = []*os.File{m.socket}
	public := m.up.public
	m.up = m.start("up", cmd)
	m.up.public, m.up.private = public, private
	m.queries = []*process{m.up}
	m.heard("READY=1")
}

func (m *manager) heard(want string) (said string) {
	m.t.Helper()
	must(m.t, m.notes.SetReadDeadline(time.Now().Add(patience)))
	message := make([]byte, 200)
	n, err := m.notes.Read(message)
	must(m.t, err)
	if got := string(message[:n]); !strings.HasPrefix(got, want) {
		m.t.Errorf("the service manager hears %s, want %s", got, want)
	}
	return string(message[:n])
}

// TestRestartLosesNoRequest restarts the all-in-one under a service manager that keeps its socket, while clients ask all the
// time: some over one connection, some with one for each request.
func TestRestartLosesNoRequest(t *testing.T) {
	m := &manager{allInOne: newAllInOne(t)}
	if err := m.up.terminate(t); err != nil {
		t.Fatal(err)
	}
	m.listens()
	m.begin()
	m.ready()
	m.restarts()

	must(t, m.up.cmd.Process.Signal(syscall.SIGHUP))
	m.heard("RELOADING=1")
	m.heard("READY=1")

	first := m.up.cmd.Process.Pid
	must(t, m.up.cmd.Process.Signal(syscall.SIGUSR2))
	m.heard("MAINPID=")
	m.heard("READY=1") // and never that the service ends
	if <-m.up.done; m.up.err != nil || m.runs() == first {
		t.Errorf("after the successor: %v, process %d runs", m.up.err, m.runs())
	}
	m.endOrphan(first)
	m.heard("STOPPING=1")
}

// TestQueryRestartLosesNoRequest does the same with the query daemon alone, over a cluster with the accounts of deploy/, and then has it
// replaced by a successor while clients ask.
func TestQueryRestartLosesNoRequest(t *testing.T) {
	cluster := brokertest.Start(t, deployDir+"/nats")
	m := &manager{allInOne: prepared(t, fmt.Sprintf("nats: {url: %q, ca: %q}\n", cluster.URL("admin"), cluster.CAFile)), role: "query",
		nats: cluster.URL("query")}
	if out, code := m.run("prepare"); code != 0 {
		t.Fatalf("prepare: exit %d: %s", code, out)
	}
	index := m.lineup("index")
	index.Env = append(index.Env, "LINEUP_NATS_URL="+cluster.URL("index"), "LINEUP_PRIVATE=")
	indexer := m.start("index", index)
	m.listens()
	m.begin()
	m.fill()
	m.ready()
	m.restarts()

	more, stop := m.clients()
	more("requests are answered")
	must(t, m.up.cmd.Process.Signal(syscall.SIGUSR2))
	var successor int
	_, err := fmt.Sscanf(m.heard("MAINPID="), "MAINPID=%d", &successor)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Kill(successor, syscall.SIGTERM) }) // which is nobody's child
	m.heard("READY=1")
	if <-m.up.done; m.up.err != nil || successor == m.up.cmd.Process.Pid {
		t.Errorf("after the successor %d: %v", successor, m.up.err)
	}
	more("requests are answered by the successor")
	stop()
	must(t, indexer.terminate(t))
}

// clients ask all the time, some over one connection, some with one for each request, until stop. more waits for further answers.
func (m *manager) clients() (more func(what string), stop func()) {
	m.t.Helper()
	var photo []byte
	for _, photo = range m.photos {
		break
	}
	face, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo)})
	must(m.t, err)
	var answered, slowest atomic.Int64
	ended := make(chan struct{})
	var clients sync.WaitGroup
	for _, kept := range []bool{true, true, false, false} {
		clients.Go(func() {
			transport := &http.Transport{DisableKeepAlives: !kept}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: time.Minute}
			for n := 0; ; n++ {
				select {
				case <-ended:
					return
				default:
				}
				began := time.Now()
				if err := m.ask(client, n, face); err != nil {
					m.t.Errorf("connections kept: %t: %v", kept, err)
				}
				answered.Add(1)
				slowest.Store(max(slowest.Load(), time.Since(began).Milliseconds()))
			}
		})
	}
	more = func(what string) {
		m.t.Helper()
		from := answered.Load()
		m.eventually(what, func() error {
			if answered.Load() < from+100 {
				return errors.New("not yet")
			}
			return nil
		})
	}
	return more, func() {
		m.t.Helper()
		close(ended)
		clients.Wait()
		m.t.Logf("%d requests, the slowest took %d ms", answered.Load(), slowest.Load())
	}
}

// runs is the process that holds the data directory.
func (m *manager) runs() int {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.data, "lock"))
	must(m.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(m.t, err)
	return pid
}

// endOrphan ends the process that runs, if it is not the first: it is nobody's child.
func (m *manager) endOrphan(first int) {
	m.t.Helper()
	pid := m.runs()
	if pid == first {
		return
	}
	must(m.t, syscall.Kill(pid, syscall.SIGTERM))
	m.eventually("the last process ends", func() error {
		if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && !strings.Contains(string(state), ") Z ") {
			return errors.New("it runs")
		}
		return nil
	})
}

// TestSuccessorTakesOver has a running lineup replaced by a new process, twice, while clients ask: the new one loads while the old
// answers, and one that cannot start changes nothing.
func TestSuccessorTakesOver(t *testing.T) {
	m := &manager{allInOne: newAllInOne(t)}
	more, stop := m.clients()
	more("requests are answered")
	first := m.runs()
	t.Cleanup(func() { m.endOrphan(first) })
	for range 2 {
		before := m.runs()
		if out, code := m.run("reload", "--restart"); code != 0 {
			t.Fatalf("reload --restart: exit %d: %s", code, out)
		}
		m.eventually("another process runs", func() error {
			if m.runs() == before {
				return errors.New("not yet")
			}
			return m.answersReady()
		})
		more("requests are answered by the new process")
	}
	<-m.up.done
	if m.up.err != nil {
		t.Errorf("the first process ended with %v", m.up.err)
	}
	settings, err := os.ReadFile(m.settings)
	must(t, err, os.WriteFile(m.settings, []byte("nonsense: 1\n"), 0o600))
	before := m.runs()
	must(t, syscall.Kill(before, syscall.SIGUSR2))
	m.eventually("the log says that nothing changed", func() error {
		if out, err := os.ReadFile(m.up.log); err != nil || !strings.Contains(string(out), "this process goes on") {
			return errors.Join(err, errors.New("not yet"))
		}
		return nil
	})
	more("requests are answered after a successor that could not start")
	if m.runs() != before {
		t.Error("another process runs")
	}
	stop()
	must(t, os.WriteFile(m.settings, settings, 0o600))
}

// ask asks for a record or a face, by turns.
func (m *manager) ask(client *http.Client, n int, face []byte) error {
	url := "http://" + m.up.public + "/sexoffender?lastName=MADEUP&key=" + m.key
	var response *http.Response
	var err error
	if n%2 == 0 {
		response, err = client.Get(url)
	} else {
		response, err = client.Post("http://"+m.up.public+"/faces?key="+m.key, "application/json", bytes.NewReader(face))
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d: %s", response.StatusCode, text)
	}
	return err
}
