package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"lineup/config"
)

// reload reads the configuration anew at each SIGHUP, and hands it to changed, until ctx ends. A configuration that is
// wrong changes nothing. What is only taken over at a restart is named.
func (n *Node) reload(ctx context.Context, play Roles, changed chan<- config.Config) error {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	inForce := n.Config
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
		}
		if n.Reload == nil {
			continue
		}
		c, err := n.Reload()
		if err != nil {
			n.Log.Error("configuration not reloaded: the one before stays in force", "error", err)
			continue
		}
		for _, s := range config.Changed(n.Config, c) {
			if s.Needs != "" {
				n.Log.Warn("changed setting is not taken over yet", "key", s.Key, "needs", s.Needs)
			}
		}
		n.Log.Info("configuration reloaded", "sources", len(config.ChangedSources(inForce, c)))
		inForce = c
		if !play.Scrape {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case changed <- c:
		}
	}
}

// AskReload asks the process that runs over the data directory to read its configuration anew.
func AskReload(c config.Config) error {
	if c.NATS.URL != "" {
		return errors.New("roles of their own are asked by their service: systemctl reload lineup-scrape, or send the process SIGHUP")
	}
	if err := Exists(c); err != nil {
		return err
	}
	unlock, err := lock(c.Dir("lock"))
	if err == nil {
		return errors.Join(fmt.Errorf("no lineup runs over %s: the next one reads its configuration anyway", c.Data), unlock())
	}
	if !errors.Is(err, errLocked) {
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
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("ask process %d: %w", pid, err)
	}
	return nil
}
