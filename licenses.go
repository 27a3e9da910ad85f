// Package lineup carries the licence of this program and those of everything it is made of, so
// that a copy of the binary is never without them.
package lineup

import (
	_ "embed"
	"strings"
)

var (
	//go:embed LICENSE
	license string
	//go:embed NOTICE
	notice string
	//go:embed licenses/libraries.txt
	libraries string
	//go:embed licenses/go-modules.txt
	modules string
)

// Licenses is the text that `lineup version --licenses` prints: the notice, which says in short what
// the program is made of, then the licences in full.
func Licenses() string {
	return strings.Join([]string{notice, license, libraries, modules}, "\n"+strings.Repeat("=", 80)+"\n\n")
}
