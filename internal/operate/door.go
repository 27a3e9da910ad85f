package operate

import (
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lineup/config"
)

// Bounds of a request to a running process for its metrics.
const (
	figuresTime = 2 * time.Second
	maxFigures  = 4 << 20
)

// unnamedProxies matches the metric that counts requests through a proxy that query.proxies does not name.
var unnamedProxies = regexp.MustCompile(`(?m)^lineup_query_unnamed_proxy_requests_total (\S+)$`)

// CheckDoor checks how clients reach the API: at which address, and through which proxies.
func (c *Checkup) CheckDoor(ctx context.Context, set config.Config) {
	if set.NeedsPublic() {
		c.Advise("public", "the API listens on %s: set public to its https:// address behind your proxy, for the links in answers", set.Listen)
	}
	if strings.HasPrefix(set.Public, "https://") && set.Query.Proxies == "" {
		c.Advise("proxies", "public is https, so a proxy stands in front: name it in query.proxies, or all who come by it share the limits "+
			"of one client")
	}
	if n := unnamedRequests(ctx, set.Private); n > 0 {
		c.Advise("proxies", "%.0f requests had X-Forwarded-For from a peer that query.proxies does not name (the log names one): "+
			"if that is your proxy, name it; else somebody makes addresses up, and is not believed", n)
	}
}

// unnamedRequests asks the process that runs here; it is 0 if none answers.
func unnamedRequests(ctx context.Context, private string) float64 {
	host, port, err := net.SplitHostPort(private)
	if err != nil {
		return 0
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, figuresTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/metrics", nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0 // it need not run
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFigures))
	if err != nil {
		return 0
	}
	found := unnamedProxies.FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64) // 0 for what is no number
	return n
}
