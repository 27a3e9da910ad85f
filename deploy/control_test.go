package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestControl runs lineup-ctl with a systemd-run that shows what it was asked: each service's own user, directory, models
// and secrets, as its unit says.
func TestControl(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"systemd-run": "#!/bin/sh\nprintf '%s\\n' \"$@\"\n", "lineup": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	control := func(unit string, args ...string) (string, error) {
		cmd := exec.Command("./lineup-ctl.sh", args...)
		cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LINEUP_UNIT=" + unit}
		out, err := cmd.CombinedOutput()
		return "\n" + string(out), err
	}
	for name, text := range texts(t, ".service") {
		unit := strings.TrimSuffix(filepath.Base(name), ".service")
		out, err := control(unit, "keys", "add", "a name")
		if err != nil {
			t.Errorf("%s: %v", unit, err)
		}
		want := []string{"User=" + unit, "StateDirectory=" + unit, "DynamicUser=yes", filepath.Join(bin, "lineup") + "\nkeys\nadd\na name"}
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "EnvironmentFile=") {
				want = append(want, line)
			}
			if settings, ok := strings.CutPrefix(line, "Environment="); ok {
				for _, setting := range strings.Fields(settings) {
					if strings.HasPrefix(setting, "LINEUP_DATA=") || strings.HasPrefix(setting, "LINEUP_MODELS=") {
						want = append(want, setting)
					}
				}
			}
		}
		if len(want) != 7 {
			t.Errorf("%s names %v", name, want)
		}
		for _, line := range want {
			if !strings.Contains(out, "\n"+line+"\n") {
				t.Errorf("%s: %q is missing in %s", unit, line, out)
			}
		}
	}
	if out, err := control("", ""); err != nil || !strings.Contains(out, "User=lineup\n") {
		t.Errorf("without a unit: %v: %s", err, out)
	}
	if out, err := control("sshd", "status"); err == nil || !strings.Contains(out, "LINEUP_UNIT is sshd") {
		t.Errorf("another's unit: %v: %s", err, out)
	}
}
