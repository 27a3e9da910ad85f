package operate

import (
	"testing"

	"lineup/internal/testkit/loopback"
)

func TestMain(m *testing.M) { loopback.Main(m) }
