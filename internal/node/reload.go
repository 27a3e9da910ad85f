package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"lineup/config"
	"lineup/internal/node/host"
	"lineup/internal/operate/timetable"
	"lineup/internal/tracing/otlp"
	"lineup/internal/trust"
	"lineup/queryd"
	"lineup/scraper/source"
)

// Configured reads the configuration and makes the options of a node from it; log and progress go to stderr. invalid
// is what is wrong with the configuration. The options are then the defaults, with the directory of definitions so
// that these can be corrected.
func Configured(in config.Input, stderr io.Writer) (o Options, loaded config.Loaded, invalid error) {
	var catalog *source.Catalog // parsed once per process: a reload keeps it
	in.Schedule = timetable.Check
	in.Sources = func(dir string) (map[string]config.Registry, error) {
		if catalog == nil {
			catalog = source.In(dir)
		}
		return Registries(catalog)
	}
	loaded, invalid = config.Load(in)
	if catalog == nil {
		catalog = source.In(loaded.SourcesDir)
	}
	if invalid != nil {
		dir := loaded.SourcesDir
		loaded.Config = config.Default()
		loaded.SourcesDir = dir
	}
	c := loaded.Config
	return Options{Config: c, Trace: otlp.Wanted(in.Environ), Environ: in.Environ, Catalog: catalog, Certificates: new(trust.Store),
		Log: NewLog(c.Log, stderr), Metrics: NewMetrics(),
		Stderr: stderr,
		Reload: func() (config.Config, error) {
			again, err := config.Load(in)
			return again.Config, err
		}}, loaded, invalid
}

// running is the part of a process that a reload acts on.
type running struct {
	play     Roles
	asked    <-chan os.Signal
	changed  chan<- config.Config // for the crawler
	listener net.Listener         // nil if this process answers no searches
	server   *queryd.Server
}

// errSucceeded ends a process whose successor is ready.
var errSucceeded = errors.New("another process goes on")

// reload reads the configuration again at each SIGHUP and sends it to changed, until ctx ends. A wrong configuration
// changes nothing. Settings that need a restart are named in the log. At SIGUSR2 it starts a successor, and returns
// errSucceeded once that has loaded its models.
func (n *Node) reload(ctx context.Context, up running) error {
	inForce := n.Config
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-up.asked:
			if s == syscall.SIGUSR2 {
				if n.succeed(ctx, up.listener) {
					return errSucceeded
				}
				continue
			}
		}
		host.Notify(n.Log, host.Reloading)
		inForce = n.takeOver(ctx, up, inForce)
		host.Notify(n.Log, host.Ready)
	}
}

// succeed starts a successor and reports whether it is ready.
func (n *Node) succeed(ctx context.Context, listener net.Listener) bool {
	n.Log.Info("a successor loads its models")
	successor, err := host.Succeed(ctx, listener)
	if err != nil {
		n.Log.Error("not restarted: this process goes on", "error", err)
		return false
	}
	n.closers = append([]func() error{successor.Close}, n.closers...) // closed last
	host.Notify(n.Log, host.Main(successor.PID))
	n.Log.Info("the successor takes over", "pid", successor.PID)
	return true
}

// takeOver applies every setting that needs no restart, and returns the configuration in force afterwards.
func (n *Node) takeOver(ctx context.Context, up running, inForce config.Config) config.Config {
	n.rereadCertificates()
	if n.Reload == nil {
		return inForce
	}
	c, err := n.Reload()
	if err != nil {
		n.Log.Error("configuration not reloaded: the one before stays in force", "error", err)
		return inForce
	}
	for _, s := range config.Changed(n.Config, c) {
		if s.Needs != "" {
			n.Log.Warn("changed setting is not taken over yet", "key", s.Key, "needs", s.Needs)
		}
	}
	n.Log.Info("configuration reloaded", "sources", len(config.ChangedSources(inForce, c)))
	if up.server != nil {
		up.server.SetLimits(c.Query.PerMinute, c.Query.PerDay)
	}
	if up.play.Scrape {
		select {
		case <-ctx.Done():
		case up.changed <- c:
		}
	}
	return c
}

// rereadCertificates makes new connections use the current certificate files; open connections keep theirs. Files that
// cannot be used are reported, and the old certificates stay in force.
func (n *Node) rereadCertificates() {
	for engine, certificates := range n.Certificates.Each() {
		if err := certificates.Reread(); err != nil {
			n.Log.Error("certificates not taken over: those before stay in force", "engine", engine, "error", err)
			continue
		}
		n.Log.Info("certificates read anew", "engine", engine)
	}
}

// AskReload asks the process that runs over the data directory to read its configuration again, or, with restart, to
// let a new process replace it.
func AskReload(c config.Config, restart bool) error {
	if c.NATS.URL != "" {
		return errors.New("roles of their own are asked by their service: systemctl reload lineup-scrape, or send the process SIGHUP")
	}
	if err := host.Exists(c); err != nil {
		return err
	}
	unlock, err := host.Lock(c.Dir("lock"))
	if err == nil {
		return errors.Join(fmt.Errorf("no lineup runs over %s: the next one reads its configuration anyway", c.Data), unlock())
	}
	if !errors.Is(err, host.ErrLocked) {
		return err
	}
	text, err := os.ReadFile(c.Dir("lock"))
	if err != nil {
		return fmt.Errorf("read which process runs: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return errors.New("the lineup that runs is of a version that does not say which process it is: restart it")
	}
	ask := syscall.SIGHUP
	if restart {
		ask = syscall.SIGUSR2
	}
	if err := syscall.Kill(pid, ask); err != nil {
		return fmt.Errorf("ask process %d: %w", pid, err)
	}
	return nil
}
