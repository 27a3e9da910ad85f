package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// typed are what each shell does to complete @typed and print what it offers, or writes. zsh completes at a terminal alone: @want is
// awaited.
var typed = map[string]string{
	"bash": `source <(lineup completion bash) 2>/dev/null; COMP_LINE="@typed"; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; compopt() { :; }; __start_lineup; printf '%s\n' "${COMPREPLY[@]}"`,
	"fish": `lineup completion fish | source; complete -C "@typed"`,
	"zsh": `zmodload zsh/zpty; zpty shell zsh -f -i; zpty -w shell 'source <(lineup completion zsh); print rea""dy'
		zpty -r -m shell said '*ready*'; zpty -w -n shell "@typed"$'\t'; zpty -r -m shell said '*@want*'; print -r -- "$said"`,
}

// TestShellsCompleteIds types every argument and flag that takes the id of a source or of a key in each shell, which offers it.
func TestShellsCompleteIds(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	must(t, err)
	data := filepath.Join(dir, "data")
	must(t, os.WriteFile(filepath.Join(dir, "lineup"), fmt.Appendf(nil, "#!/bin/bash\nexec -a lineup %q \"$@\"\n", exe), 0o755))
	if code, said := lineup(t, "prepare", "--data", data); code != exitDone {
		t.Fatal(said)
	}
	if code, said := lineup(t, "keys", "add", "somebody-alone", "--data", data); code != exitDone {
		t.Fatal(said)
	}
	var cli CLI
	parser, err := newParser(t.Context(), &cli, os.Stderr, os.Stderr, func(int) {})
	must(t, err)
	begun := map[string][2]string{"source": {"import-ns", "import-nsopw"}, "key": {"somebody", "somebody-alone"}}
	lines := map[string]string{} // what is offered, by line
	for _, leaf := range parser.Model.Leaves(true) {
		add := func(tag, before string) {
			name, _, _ := strings.Cut(tag, ",")
			if b, ok := begun[name]; ok {
				lines[leaf.FullPath()+" "+before+b[0]] = b[1]
			}
		}
		for _, p := range leaf.Positional {
			add(p.Tag.Get("complete"), "")
		}
		for _, f := range leaf.Flags {
			add(f.Tag.Get("complete"), "--"+f.Name+" ")
		}
	}
	if len(lines) < 10 {
		t.Fatalf("only %v", lines)
	}
	for shell, script := range typed {
		for line, want := range lines {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			cmd := exec.CommandContext(ctx, shell, "-c", strings.NewReplacer("@typed", line, "@want", want).Replace(script))
			// The data directory by a flag would make the line wider than zsh's terminal.
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "LINEUP_DATA="+data)
			if said, err := cmd.CombinedOutput(); !strings.Contains(string(said), want) {
				t.Errorf("%s: %s: %v: %s", shell, line, err, said)
			}
			cancel()
		}
	}
}
