// Command lineup mirrors public registries into a searchable gallery and answers whose
// published photo looks like a face, and what a registry says about a record.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/alecthomas/kong"

	"lineup/indexer/face"
	"lineup/indexer/face/dlib/blas"
	"lineup/internal/commands"
	"lineup/internal/node/host"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// CLI is the command line.
type CLI struct {
	ConfigFile string   `name:"config" short:"c" type:"existingfile" env:"LINEUP_CONFIG" placeholder:"FILE" help:"Configuration file (YAML)."`
	Data       string   `short:"d" complete:"dir" placeholder:"DIR" help:"Data directory of the all-in-one (default: data)."`
	Set        []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a configuration key, for example --set index.workers=2."`
	Verbose    bool     `short:"v" help:"Log more."`

	Up      Up      `cmd:"" group:"run" help:"Run all roles in one process."`
	Demo    Demo    `cmd:"" group:"run" help:"Crawl and search a made-up registry on this machine."`
	Scrape  Scrape  `cmd:"" group:"run" rights:"scrape" help:"Crawl one source once, or all enabled ones on their schedules."`
	Index   Index   `cmd:"" group:"run" rights:"index" help:"Run an indexer: embed photos and keep the index in step with the ledger."`
	Query   Query   `cmd:"" group:"run" rights:"query" help:"Run the query daemon: the API and the page."`
	Reload  Reload  `cmd:"" group:"run" help:"Make a running lineup read its configuration again."`
	Prepare Prepare `cmd:"" group:"run" help:"Create the streams and buckets that separate roles need. Needs administrator rights."`
	MCP     MCP     `cmd:"" name:"mcp" group:"run" help:"Serve MCP on standard input and output, through a running query daemon."`

	Status   Status   `cmd:"" group:"operate" help:"Show sources, jobs and engines."`
	Runs     Runs     `cmd:"" group:"operate" help:"Show what the last crawls of each source did, failed ones too."`
	Canary   Canary   `cmd:"" group:"operate" help:"Test end to end that listing, searching, showing and delisting work."`
	Report   Report   `cmd:"" group:"operate" help:"Sum up a year in counts: searches by key, removals, corrections, alarms."`
	Keys     Keys     `cmd:"" group:"operate" help:"Make, list, rotate and revoke API keys, and show their use."`
	Reindex  Reindex  `cmd:"" group:"operate" help:"Build a new index generation beside the serving one and switch to it."`
	Audit    Audit    `cmd:"" group:"operate" help:"Compare ledger, index and blobs."`
	Remove   Remove   `cmd:"" group:"operate" help:"Remove a registrant for ever."`
	Scrub    Scrub    `cmd:"" group:"operate" help:"Erase what is still stored about people who are no longer listed."`
	Removal  Removal  `cmd:"" group:"operate" help:"Check the receipt of a removal."`
	Signing  Signing  `cmd:"" group:"operate" help:"Rotate the keys that sign evidence and removals; verify what they signed."`
	Notify   Notify   `cmd:"" group:"operate" help:"Test whether notices about what needs a human arrive."`
	Jobs     Jobs     `cmd:"" group:"operate" help:"Show or retry dead jobs."`
	Watches  Watches  `cmd:"" group:"operate" help:"Show, retry or discard failed deliveries to webhooks of watches."`
	Evaluate Evaluate `cmd:"" group:"operate" help:"Measure error rates and check the similarity score on your own labelled photos."`
	Import   Import   `cmd:"" group:"operate" help:"Import records and photos from files that an agency handed over."`
	Gallery  Gallery  `cmd:"" group:"operate" help:"Check the enrolled faces."`
	Link     Link     `cmd:"" group:"operate" help:"Explain which registrants are taken for one person."`
	Sources  Sources  `cmd:"" group:"operate" help:"List, show, check, try and make source definitions."`
	Models   Models   `cmd:"" group:"operate" help:"Fetch and verify the face models."`
	Doctor   Doctor   `cmd:"" group:"operate" help:"Check the configuration and every engine, and say what to do."`
	Backup   Backup   `cmd:"" group:"operate" help:"Write ledger, keys and removal list to a directory."`
	Restore  Restore  `cmd:"" group:"operate" help:"Restore a backup."`

	SampleSite SampleSite `cmd:"" name:"samplesite" group:"help" help:"Serve the made-up registry, also in the formats of real ones, for trials and tests."`

	Config     ShowConfig `cmd:"" group:"help" help:"Print the configuration in force, with every key."`
	Completion Completion `cmd:"" group:"help" help:"Print the script with which your shell completes lineup's commands, flags, sources and keys."`
	Manual     Manual     `cmd:"" group:"help" help:"Write the manual pages."`
	Version    Version    `cmd:"" group:"help" help:"Print the version."`
}

func main() {
	if !commands.Asked(os.Args[1:]) {
		blas.ChooseKernel() // first of all: it may start the process anew
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// newParser is the parser of the command line. exit is called where help ends the program.
func newParser(ctx context.Context, cli *CLI, stdout, stderr io.Writer, exit func(code int)) (*kong.Kong, error) {
	return kong.New(cli, kong.Name("lineup"),
		kong.Description("Self-hosted face and record search over public sex-offender registries. No match is an identification.\n\n"+exitCodes),
		kong.Writers(stdout, stderr), kong.UsageOnError(), kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups([]kong.Group{{Key: "run", Title: "Run:"}, {Key: "operate", Title: "Operate:"}, {Key: "help", Title: "Help:"}}),
		kong.Vars{"samplePeople": strconv.Itoa(samplesite.DefaultPeople), "sampleMax": strconv.Itoa(samplesite.MaxPeople)},
		kong.BindTo(ctx, (*context.Context)(nil)))
}

// rights is the role of which a command needs the credentials, where roles have their own.
func rights(command *kong.Node) string {
	if command == nil || command.Tag == nil || command.Tag.Get("rights") == "" {
		return "admin"
	}
	return command.Tag.Get("rights")
}

// run is the program: it parses args, runs the command and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int { return runWith(nil, args, stdout, stderr) }

// runWith is run with an embedder in place of the face models; nil is the models.
func runWith(embedder face.Embedder, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli CLI
	exited := -1
	parser, err := newParser(ctx, &cli, stdout, stderr, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(stderr, "lineup:", err)
		return exitMisuse
	}
	if commands.Asked(args) {
		if err := commands.Answer(ctx, commands.Tree(parser.Model, completed), args, stdout); err != nil {
			return exitFailed
		}
		return exitDone
	}
	if len(args) == 0 {
		args = []string{"--help"}
	} else if args[0] == "--version" {
		args = []string{"version"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "lineup: %s (lineup --help shows the commands)\n", commands.Plain(err))
		return exitMisuse
	}
	app := newApp(&cli, stdout, stderr)
	_, bare := parsed.Selected().Target.Addr().Interface().(needsNoConfig)
	if app.invalid != nil && !bare {
		fmt.Fprintln(stderr, "lineup:", app.invalid)
		return exitMisuse
	}
	for _, odd := range app.loaded.Warnings {
		fmt.Fprintln(stderr, "lineup:", odd)
	}
	app.Faces = embedder
	app.Trace = app.Trace && !bare
	err = app.Traced(ctx, parsed.Selected().FullPath(), func(ctx context.Context) error {
		parsed.BindTo(ctx, (*context.Context)(nil))
		return parsed.Run(app, parser)
	})
	var exit exitError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, host.ErrNoLineup), errors.Is(err, schemas.ErrMisuse): // looked in the wrong place, or asked what cannot be right
		fmt.Fprintln(stderr, "lineup:", err)
		return exitMisuse
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(stderr, "lineup:", exit.err)
		}
		return exit.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "lineup: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(stderr, "lineup:", err)
	if hint := host.Unanswered(app.Config, err, parsed.Command(), rights(parsed.Selected())); hint != "" {
		fmt.Fprintln(stderr, "lineup:", hint)
	}
	if host.FullDisk(app.Config, err) {
		fmt.Fprintf(stderr, "lineup: there is no room left in the data directory %s; hint: make room: a running lineup goes on by itself\n",
			app.Config.Data)
	}
	return exitFailed
}
