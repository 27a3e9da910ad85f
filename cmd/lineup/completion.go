package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Completion prints what makes a shell complete.
type Completion struct {
	Shell string `arg:"" optional:"" help:"bash, zsh or fish; default: that of $SHELL."`
}

// Help says where it goes.
func (c *Completion) Help() string {
	return "bash: lineup completion bash >> ~/.bashrc\nzsh: lineup completion zsh >> ~/.zshrc\n" +
		"fish: lineup completion fish > ~/.config/fish/completions/lineup.fish"
}

// The texts for each shell, of the program's path. The program completes by itself: the shell
// gives it the line typed so far in COMP_LINE.
var completions = map[string]string{
	"bash": "complete -C %[1]q lineup\n",
	"zsh":  "autoload -U +X bashcompinit && bashcompinit\ncomplete -C %[1]q lineup\n",
	"fish": `function __complete_lineup
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct)
    and set COMP_LINE "$COMP_LINE "
    %[1]q
end
complete -f -c lineup -a "(__complete_lineup)"
`,
}

// Run prints the script.
func (c *Completion) Run(app *App) error {
	shell := c.Shell
	if shell == "" {
		shell = filepath.Base(os.Getenv("SHELL"))
	}
	text, ok := completions[shell]
	if !ok {
		return exitError{exitMisuse, fmt.Errorf("no completion for the shell %q: name bash, zsh or fish", shell)}
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	_, err = fmt.Fprintf(app.Stdout, text, program)
	return err
}
