package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// Shells lists the shells that WriteCompletion supports.
var Shells = []string{"bash", "zsh", "fish"}

// bashWords stands in for a function of the package bash-completion, where that is not installed: the words of the line, with
// what bash parts at = and : put together again.
const bashWords = `declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    local i joined=0
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        if ((i > 0)) && [[ ${COMP_WORDS[i]} == [=:]* || $joined == 1 ]]; then
            words[${#words[@]}-1]+=${COMP_WORDS[i]}
            joined=0
            [[ ${COMP_WORDS[i]} == [=:] ]] && joined=1
        else
            words+=("${COMP_WORDS[i]}")
        fi
        ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]}
    prev=${words[cword-1]}
}
`

// zshStart makes completion work in a .zshrc that has not set it up.
const zshStart = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"

// WriteCompletion writes the script with which a shell completes the command line of root. Errors: a shell that is not
// in Shells.
func WriteCompletion(w io.Writer, root *cobra.Command, shell string) error {
	var script bytes.Buffer
	var err error
	switch shell {
	case "bash":
		script.WriteString(bashWords)
		err = root.GenBashCompletionV2(&script, true)
	case "zsh":
		err = root.GenZshCompletion(&script)
		first, rest, _ := strings.Cut(script.String(), "\n") // the first line is for a file in $fpath
		script = *bytes.NewBufferString(first + "\n" + zshStart + rest)
	case "fish":
		err = root.GenFishCompletion(&script, true)
	default:
		return fmt.Errorf("no completion for the shell %q: name %s", shell, strings.Join(Shells, ", "))
	}
	if err == nil {
		_, err = w.Write(script.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write the completion: %w", err)
	}
	return nil
}

// Asked reports whether the program was called by a shell that wants completions.
func Asked(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// Answer answers a shell that asks for completions.
func Answer(ctx context.Context, root *cobra.Command, args []string, w io.Writer) error {
	root.SetArgs(args)
	root.SetOut(w)
	root.SetErr(io.Discard) // the shell would mix it into the line
	return root.ExecuteContext(ctx)
}

// WriteManual writes a manual page for each command of root to a directory, which it creates. from is the program with
// its version, made is the date that the pages show.
func WriteManual(dir string, root *cobra.Command, from string, made time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the manual's directory: %w", err)
	}
	forManual(root)
	header := &doc.GenManHeader{Section: "1", Source: from, Manual: "Lineup", Date: &made}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	for _, page := range pages {
		text, rerr := os.ReadFile(page)
		text = bytes.ReplaceAll(text, []byte("\\fP=\n"), []byte("\\fP\n")) // a switch takes nothing
		err = errors.Join(err, rerr, os.WriteFile(page, text, 0o644))
	}
	if err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	return nil
}

// literal keeps text from being read as Markdown, of which the pages are made: <id> would be gone, and missing_page one word.
var literal = strings.NewReplacer("<", `\<`, ">", `\>`, "_", `\_`, "*", `\*`)

// forManual makes of a tree one whose pages name what a flag without a default takes, and lose nothing to Markdown.
func forManual(c *cobra.Command) {
	c.Use, c.Short, c.Long = literal.Replace(c.Use), literal.Replace(c.Short), literal.Replace(c.Long)
	c.InitDefaultHelpFlag()
	for _, flags := range []*pflag.FlagSet{c.LocalNonPersistentFlags(), c.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind != "bool" && f.DefValue == "" {
				f.DefValue = kind
			} else if kind == "bool" {
				f.NoOptDefVal, f.DefValue = "", ""
			}
			f.DefValue, f.Usage = literal.Replace(f.DefValue), literal.Replace(f.Usage)
		})
	}
	for _, sub := range c.Commands() {
		forManual(sub)
	}
}
