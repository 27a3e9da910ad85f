package redact_test

import (
	"testing"

	"lineup/internal/testkit/loopback"
)

// TestMain lets no test beyond this machine.
func TestMain(m *testing.M) { loopback.Main(m) }
