// Package commands describes the command line to other programs: shells, for completion, and man, for the manual
// pages. Both descriptions come from the one table of commands and flags that kong reads.
package commands

import (
	"context"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Given returns what the line typed so far sets for a flag of the whole program; "" for nothing.
type Given func(flag string) string

// Values returns what may stand for an argument or a flag, each followed by a tab and a description if there is one.
// It returns nothing if it cannot tell.
type Values func(ctx context.Context, given Given) []string

// Tree is the command line of model in cobra's terms: names, flags, arguments and help, nothing to run. The tag
// complete:"NAME" of an argument or flag names one of values, complete:"NAME,file" that it may also be a file.
func Tree(model *kong.Application, values map[string]Values) *cobra.Command {
	t := tree{model.Name, values}
	root := t.command(model.Node)
	root.Long = model.Help
	root.CompletionOptions.DisableDefaultCmd = true
	root.DisableAutoGenTag = true
	return root
}

type tree struct {
	root   string // the program's name
	values map[string]Values
}

func (t tree) command(n *kong.Node) *cobra.Command {
	c := &cobra.Command{Use: use(n), Short: n.Help, Long: strings.TrimSpace(n.Help + "\n\n" + n.Detail), Hidden: n.Hidden,
		SilenceErrors: true, SilenceUsage: true, DisableFlagsInUseLine: true, Args: cobra.ArbitraryArgs}
	if n.Leaf() {
		c.Run = func(*cobra.Command, []string) {}
		c.ValidArgsFunction = t.arguments(n)
	}
	c.SetHelpCommand(&cobra.Command{Hidden: true})
	for _, f := range n.Flags {
		t.flag(c, f)
	}
	for _, child := range n.Children {
		below := t.command(child)
		below.DisableAutoGenTag = true
		c.AddCommand(below)
	}
	return c
}

// use returns the line that shows how a command is called.
func use(n *kong.Node) string {
	words := []string{n.Name}
	for _, p := range n.Positional {
		words = append(words, p.Summary())
	}
	return strings.Join(append(words, "[flags]"), " ")
}

func (t tree) flag(c *cobra.Command, f *kong.Flag) {
	if f.Name == "help" {
		return // cobra has its own
	}
	flags := c.Flags()
	if c.Name() == t.root { // every command takes the program's own flags
		flags = c.PersistentFlags()
	}
	short := ""
	if f.Short != 0 {
		short = string(f.Short)
	}
	value := &text{kind: f.FormatPlaceHolder(), was: f.Default}
	if f.IsBool() {
		value.kind = "bool"
	}
	added := flags.VarPF(value, f.Name, short, f.Help)
	added.Hidden = f.Hidden
	if f.IsBool() {
		value.was, added.NoOptDefVal = "", "true"
	}
	if f.Tag.Negatable != "" {
		flags.VarPF(&text{kind: "bool"}, "no-"+f.Name, "", "The opposite of --"+f.Name+".").NoOptDefVal = "true"
	}
	complete := t.complete(f.Value)
	// The name was defined just above, which is the only thing that can be wrong.
	_ = c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return complete(c, typed)
	})
}

// arguments completes the arguments of the command itself.
func (t tree) arguments(n *kong.Node) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		at := len(args)
		if last := len(n.Positional) - 1; at > last {
			if last < 0 || !n.Positional[last].IsCumulative() {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			at = last
		}
		return t.complete(n.Positional[at])(c, typed)
	}
}

// completer completes what was typed of a value.
type completer func(c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective)

// complete is what completes a flag's or an argument's value.
func (t tree) complete(v *kong.Value) completer {
	name, _, file := strings.Cut(v.Tag.Get("complete"), ",")
	known := t.values[name]
	switch {
	case known != nil:
		also := cobra.ShellCompDirectiveNoFileComp
		if file {
			also = cobra.ShellCompDirectiveDefault
		}
		return func(c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
			all := slices.DeleteFunc(known(c.Context(), given(c)), func(one string) bool { return !strings.HasPrefix(one, typed) })
			return all, also
		}
	case v.Enum != "":
		return func(*cobra.Command, string) ([]string, cobra.ShellCompDirective) {
			return v.EnumSlice(), cobra.ShellCompDirectiveNoFileComp
		}
	case v.Tag.Type == "existingdir" || name == "dir":
		return func(*cobra.Command, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	case v.Tag.Type == "existingfile" || v.Tag.Type == "existing" || v.Tag.Type == "path":
		return func(*cobra.Command, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}
	}
	return func(*cobra.Command, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func given(c *cobra.Command) Given {
	return func(name string) string {
		if f := c.Root().PersistentFlags().Lookup(name); f != nil && f.Changed {
			return f.Value.String()
		}
		return ""
	}
}

// text is a flag's value as it was typed.
type text struct{ kind, was, now string }

var _ pflag.Value = (*text)(nil)

func (t *text) String() string {
	if t.now != "" {
		return t.now
	}
	return t.was
}
func (t *text) Set(now string) error { t.now = now; return nil }
func (t *text) Type() string         { return t.kind }

// plain pairs messages of the parser with what an operator reads instead.
var plain = strings.NewReplacer("expected a valid 64 bit int but got", "want a whole number, not", "expected a valid 64 bit uint but got",
	"want a whole number, not", "expected a float but got", "want a number, not", "expected duration but got",
	"want a number and a unit, like 30s, 10m or 24h, not", "expected bool but got", "want true or false, not")

// Plain describes an error in a command line in an operator's words.
func Plain(err error) string { return plain.Replace(err.Error()) }
