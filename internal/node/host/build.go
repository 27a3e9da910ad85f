package host

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"lineup/indexer/face/dlib/blas"
)

// Build is what the program was built from.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"` // of the commit
	Go      string `json:"go"`
	Dlib    string `json:"dlib,omitempty"`
	Level   string `json:"level,omitempty"` // of the processors that it is for: x86-64-v3; "" for those like the builder's
	BLAS    string `json:"blas"`            // the library and the kernel it has chosen on this machine
}

// ReadBuild returns the build of this program. If commit or date is "", it is taken from what the Go command recorded.
func ReadBuild(version, commit, date string) Build {
	b := Build{Version: version, Commit: commit, Date: date, Go: runtime.Version(), Dlib: blas.DlibVersion(), Level: blas.Level(),
		BLAS: blas.Current().String()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	noted := make(map[string]string)
	for _, s := range info.Settings {
		noted[s.Key] = s.Value
	}
	if b.Commit == "" {
		b.Commit = noted["vcs.revision"]
	}
	if b.Date == "" {
		b.Date = noted["vcs.time"]
	}
	return b
}

// String returns the build as lines of text.
func (b Build) String() string {
	lines := []string{"lineup " + b.Version}
	for _, part := range [][2]string{{"commit", b.Commit}, {"date", b.Date}, {"go", b.Go}, {"dlib", b.Dlib},
		{"for", b.Level}, {"blas", b.BLAS}} {
		if part[1] != "" {
			lines = append(lines, fmt.Sprintf("  %-8s%s", part[0], part[1]))
		}
	}
	return strings.Join(lines, "\n")
}
