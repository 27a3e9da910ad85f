package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nats-io/nats-server/v2/server"

	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/s3server"
	"lineup/scraper/samplesite"
)

// deployDir is where the deployment's files stand.
const deployDir = "../../deploy"

// patience bounds the wait for anything that a deployment does by itself.
const patience = 90 * time.Second

// natsServer is the program nats-server, for tests that deploy it as a process of its own.
func natsServer() {
	options, err := server.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ExitOnError), os.Args[1:], func() {}, func() {}, func() {})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s, err := server.NewServer(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.WaitForShutdown()
}

// deployment is compose.yaml without its containers: the same programs, commands, environments,
// secrets and configuration files, as processes of this machine.
type deployment struct {
	t        *testing.T
	dir      string
	secrets  string
	program  string        // that plays the roles; "" is lineup
	before   string        // path of another version that plays them instead
	patience time.Duration // with what it does by itself; 0 is patience
	services map[string]service
	// places turns the containers' names and paths into this machine's.
	places []string
}

// service is what these tests need of a service in compose.yaml. That Compose reads the file as
// they do is a test of deploy/.
type service struct {
	Command     []string
	EnvFile     []string `yaml:"env_file"`
	Environment map[string]string
	HealthCheck struct{ Test []string }
}

// readEnvironment adds what the service's environment files, relative to dir, say and compose.yaml does not.
func (s *service) readEnvironment(dir string) error {
	all := map[string]string{}
	for _, name := range s.EnvFile {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(key, "#") {
				all[key] = value
			}
		}
	}
	maps.Copy(all, s.Environment)
	s.Environment = all
	return nil
}

// newDeploymentOverSite is a deployment that is configured to crawl the made-up registry.
func newDeploymentOverSite(t *testing.T) (*deployment, *samplesite.Site) {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{})
	must(t, err)
	web, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, web.Close()) })
	d := newDeployment(t)
	must(t, os.WriteFile(filepath.Join(d.dir, "lineup.yaml"), []byte(fmt.Sprintf(
		"contact: operator@example.test\npublic: https://lineup.example.test\nsources: {%s: {enabled: true, base_url: %q}}\n", demoSource,
		web.URL)), 0o600))
	return d, site
}

// newDeployment makes the secrets as an operator does and reads compose.yaml.
func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{t: t, dir: t.TempDir()}
	files := filepath.Join(d.dir, "deploy")
	must(t, os.CopyFS(files, os.DirFS(deployDir)), os.RemoveAll(filepath.Join(files, "secrets")))
	d.secrets = filepath.Join(files, "secrets")
	if out, err := exec.CommandContext(t.Context(), filepath.Join(files, "secrets.sh")).CombinedOutput(); err != nil {
		t.Fatalf("secrets.sh: %v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(files, "compose.yaml"))
	must(t, err)
	var project struct{ Services map[string]service }
	must(t, yaml.UnmarshalWithOptions(text, &project, yaml.AllowDuplicateMapKey())) // those beside <<: win
	for name, s := range project.Services {
		must(t, s.readEnvironment(files))
		project.Services[name] = s
	}
	d.services = project.Services
	d.places = []string{"/etc/lineup/ca.pem", filepath.Join(d.secrets, "ca.pem"), "/etc/lineup/lineup.yaml",
		filepath.Join(d.dir, "lineup.yaml"), "/etc/nats-tls/", d.secrets + "/", "/etc/s3/", d.secrets + "/", "/models", modelsForTests(t)}
	return d
}

// stage gives an instruction of a stage of the container file.
func (d *deployment) stage(name, instruction string) string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, "Containerfile"))
	must(d.t, err)
	_, rest, found := strings.Cut(string(text), " AS "+name+"\n")
	rest, _, _ = strings.Cut(rest, "\nFROM ")
	found2 := regexp.MustCompile(`(?m)^`+instruction+` (.*)$`).FindAllStringSubmatch(rest, -1)
	if !found || len(found2) == 0 {
		d.t.Fatalf("no %s in stage %s of the container file", instruction, name)
	}
	var all []string
	for _, line := range found2 {
		all = append(all, line[1])
	}
	return strings.Join(all, " ")
}

// environment is what a container of the service is given, image's environment first, as this
// machine's.
func (d *deployment) environment(name, image string, places *strings.Replacer) []string {
	d.t.Helper()
	environ := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir}
	if image != "" {
		environ = append(environ, strings.Fields(places.Replace(image))...)
	}
	for key, value := range d.services[name].Environment {
		environ = append(environ, key+"="+places.Replace(value))
	}
	return environ
}

// process is a running part of the deployment.
type process struct {
	name    string
	cmd     *exec.Cmd
	log     string
	private string // its health and figures
	public  string // its API
	done    chan struct{}
	err     error // how it ended; read it after done
}

// start starts a program whose output goes to a file. It is killed when the test ends.
func (d *deployment) start(name string, cmd *exec.Cmd) *process {
	d.t.Helper()
	p := &process{name: name, cmd: cmd, log: filepath.Join(d.dir, name+".log"), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(d.t, err)
	cmd.Stdout, cmd.Stderr = out, out
	must(d.t, cmd.Start())
	go func() {
		p.err = cmd.Wait()
		out.Close()
		close(p.done)
	}()
	d.t.Cleanup(func() {
		p.kill()
		if d.t.Failed() {
			said, _ := os.ReadFile(p.log)
			lines := strings.Split(string(said), "\n")
			d.t.Logf("%s (%v) said last:\n%s", name, p.err, strings.Join(lines[max(0, len(lines)-12):], "\n"))
		}
	})
	return p
}

// kill ends a process as a lost machine does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// terminate asks a process to end and returns how it did.
func (p *process) terminate(t *testing.T) error {
	t.Helper()
	must(t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
		return p.err
	case <-time.After(patience):
		return errors.New("it did not end")
	}
}

// ourself is this test as the program name.
func ourself(t *testing.T, name string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe, args...)
	cmd.Args[0] = name
	return cmd
}

// startNATS starts the cluster of three from deploy/nats and returns the first one's monitoring address.
func (d *deployment) startNATS() (nodes [3]*process, monitor string) {
	d.t.Helper()
	route, err := os.ReadFile(filepath.Join(d.secrets, "password.nats-route"))
	must(d.t, err)
	var clients, routes [3]string
	for i := range nodes {
		clients[i], routes[i] = loopback.Address(d.t), loopback.Address(d.t)
	}
	for i := range nodes {
		home := filepath.Join(d.dir, fmt.Sprint("nats-", i))
		must(d.t, os.Mkdir(home, 0o700))
		secrets, err := os.ReadFile(filepath.Join(d.secrets, "secrets.conf"))
		must(d.t, err)
		places := strings.NewReplacer(append(d.places, `"/data"`, fmt.Sprintf("%q", home))...)
		as := fmt.Sprintf("nats://route:%s@", strings.TrimSpace(string(route)))
		joining, err := os.ReadFile(filepath.Join(d.secrets, "routes.conf"))
		must(d.t, err)
		files := map[string]string{"secrets.conf": places.Replace(string(secrets)), "routes.conf": places.Replace(string(joining)),
			"node.conf": fmt.Sprintf("LINEUP_NODE: nats-%d\nLINEUP_ROUTES: [\"%s%s\"]\n", i, as, strings.Join(routes[:], `", "`+as))}
		for _, name := range []string{"lineup.conf", "cluster.conf"} {
			text, err := os.ReadFile(filepath.Join(deployDir, "nats", name))
			must(d.t, err)
			files[name] = string(text)
		}
		for name, text := range files {
			must(d.t, os.WriteFile(filepath.Join(home, name), []byte(text), 0o600))
		}
		host, port, _ := net.SplitHostPort(clients[i])
		watch := loopback.Address(d.t)
		_, watchPort, _ := net.SplitHostPort(watch)
		nodes[i] = d.start(fmt.Sprint("nats-", i), ourself(d.t, "nats-server", "-c", filepath.Join(home, "cluster.conf"),
			"-a", host, "-p", port, "-m", watchPort, "--cluster", "nats://"+routes[i]))
		if i == 0 {
			monitor = watch
		}
	}
	d.places = append(d.places, "nats:4222", clients[0])
	return nodes, monitor
}

// startS3 starts the gateway and makes users and bucket as compose.yaml does.
func (d *deployment) startS3() *process {
	d.t.Helper()
	program, err := s3server.Build(d.t.Context(), s3server.VGW)
	must(d.t, err)
	address, data := loopback.Address(d.t), filepath.Join(d.dir, "s3")
	for _, name := range []string{"buckets", "meta", "iam"} {
		must(d.t, os.MkdirAll(filepath.Join(data, name), 0o700))
	}
	d.places = append(d.places, "s3:7070", address)
	places := strings.NewReplacer(append(d.places, ":7070", address, "/data", data)...)
	var command []string
	must(d.t, json.Unmarshal([]byte(d.stage("s3", "CMD")), &command))
	for i := range command {
		command[i] = places.Replace(command[i])
	}
	gateway := exec.Command(program, command...)
	gateway.Env = d.environment("s3", d.stage("s3", "ENV"), places)
	p := d.start("s3", gateway)
	d.eventually("the gateway listens", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	for range 2 { // a second time nothing changes
		users := exec.Command(filepath.Join(deployDir, "s3", "init.sh"))
		users.Env = append(d.environment("s3-init", "", places), "VERSITYGW="+program)
		if out, err := users.CombinedOutput(); err != nil {
			d.t.Fatalf("s3-init: %v: %s", err, out)
		}
	}
	return p
}

// role starts a service of compose.yaml that runs lineup, as its n-th container.
func (d *deployment) role(service string, n int) *process {
	d.t.Helper()
	name := fmt.Sprint(service, n)
	public, private := loopback.Address(d.t), loopback.Address(d.t)
	cmd := d.lineup(service, name, []string{"0.0.0.0:8080", public, "0.0.0.0:9090", private}, d.services[service].Command...)
	p := d.start(name, cmd)
	p.public, p.private = public, private
	return p
}

// ready waits until the health check of compose.yaml passes for p.
func (d *deployment) ready(service string, p *process) {
	d.t.Helper()
	test := d.services[service].HealthCheck.Test
	if len(test) != 4 || test[1] != "/usr/local/bin/healthy" || test[2] != "127.0.0.1:9090" {
		d.t.Fatalf("health check of %s: %q", service, test)
	}
	d.eventually(p.name+" is healthy", func() error {
		select {
		case <-p.done:
			d.t.Fatalf("%s ended: %v", p.name, p.err)
		default:
		}
		return exec.Command(filepath.Join(deployDir, "healthy.sh"), p.private, test[3]).Run()
	})
}

// lineup is the program with a service's environment.
func (d *deployment) lineup(service, name string, places []string, args ...string) *exec.Cmd {
	d.t.Helper()
	data := filepath.Join(d.dir, name)
	must(d.t, os.MkdirAll(data, 0o700))
	replace := strings.NewReplacer(append(append(places, d.places...), "/data", data)...)
	words := make([]string, len(args))
	for i, word := range args {
		words[i] = replace.Replace(word)
	}
	cmd := ourself(d.t, cmp.Or(d.program, "lineup"), words...)
	if d.before != "" {
		cmd = exec.Command(d.before, words...)
	}
	cmd.Env = append(d.environment(service, d.stage("lineup-bare", "ENV"), replace), "LINEUP_NATS_REPLICAS=3")
	return cmd
}

// command runs an operator's command as a service does and returns what it printed and its exit code.
func (d *deployment) command(service string, args ...string) (out string, code int) {
	d.t.Helper()
	cmd := d.lineup(service, "commands", nil, append(args, "--config", "/etc/lineup/lineup.yaml")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	printed, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	if err != nil {
		d.t.Logf("lineup %s: %v: %s", strings.Join(args, " "), err, said.String())
	}
	return string(printed), cmd.ProcessState.ExitCode()
}

// eventually tries again until it works.
func (d *deployment) eventually(what string, try func() error) {
	d.t.Helper()
	d.nearing(what, func() (int, error) { return 0, try() })
}

// nearing tries again until it works, and as long as less is left from time to time: how long much work takes is for the machine to say.
func (d *deployment) nearing(what string, try func() (left int, err error)) {
	d.t.Helper()
	least := math.MaxInt
	for end := time.Now().Add(cmp.Or(d.patience, patience)); ; time.Sleep(100 * time.Millisecond) {
		left, err := try()
		if err == nil {
			return
		}
		if left < least {
			least, end = left, time.Now().Add(cmp.Or(d.patience, patience))
		}
		if time.Now().After(end) {
			d.t.Fatalf("%s: %v", what, err)
		}
	}
}
