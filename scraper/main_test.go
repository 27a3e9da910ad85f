package scraper_test

import (
	"testing"

	"lineup/loopback"
)

// TestMain lets no test beyond this machine.
func TestMain(m *testing.M) { loopback.Main(m) }
