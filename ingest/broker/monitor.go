package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Sync is what a server says of its writes to disk.
type Sync struct {
	Server string
	Always bool          // before each acknowledgement
	Every  time.Duration // where it is not always
}

// monitorTimeout bounds a question to a server's monitoring.
const monitorTimeout = 5 * time.Second

// Syncing asks the monitoring address of a NATS server ("http://nats-0:8222") whether it syncs
// every write: no client connection is told.
func Syncing(ctx context.Context, address string) (Sync, error) {
	ctx, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(strings.TrimSpace(address), "/")+"/varz", nil)
	if err != nil {
		return Sync{}, fmt.Errorf("monitoring of NATS: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Sync{}, fmt.Errorf("monitoring of NATS: %w", err)
	}
	defer response.Body.Close()
	var told struct {
		Name      string `json:"server_name"`
		JetStream struct {
			Config *struct {
				Always bool          `json:"sync_always"`
				Every  time.Duration `json:"sync_interval"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if response.StatusCode != http.StatusOK {
		return Sync{}, fmt.Errorf("monitoring of NATS at %s: status %d, no figures", address, response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		return Sync{}, fmt.Errorf("monitoring of NATS at %s: no figures: %w", address, err)
	}
	if told.JetStream.Config == nil {
		return Sync{}, fmt.Errorf("monitoring of NATS at %s: server %q has no JetStream", address, told.Name)
	}
	return Sync{Server: told.Name, Always: told.JetStream.Config.Always, Every: told.JetStream.Config.Every}, nil
}
