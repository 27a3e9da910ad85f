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
	"github.com/willabides/kongplete"

	"lineup/indexer/face"
	"lineup/indexer/face/dlib/blas"
	"lineup/internal/node"
	"lineup/scraper/samplesite"
)

// CLI is the command line.
type CLI struct {
	ConfigFile string   `name:"config" short:"c" type:"existingfile" env:"LINEUP_CONFIG" placeholder:"FILE" help:"Configuration file (YAML)."`
	Data       string   `short:"d" placeholder:"DIR" help:"Directory of all that the all-in-one keeps (default: data)."`
	Set        []string `sep:"none" placeholder:"KEY=VALUE" help:"Set one key of the configuration, like --set index.workers=2."`
	Verbose    bool     `short:"v" help:"Log more."`

	Up      Up      `cmd:"" group:"run" help:"Run all roles in one process."`
	Demo    Demo    `cmd:"" group:"run" help:"Crawl and search a made-up registry on this machine."`
	Scrape  Scrape  `cmd:"" group:"run" help:"Crawl one source once, or all enabled ones on their schedules."`
	Index   Index   `cmd:"" group:"run" help:"Run an indexer: embed photos and keep the index in step with the ledger."`
	Query   Query   `cmd:"" group:"run" help:"Run the query daemon: the API and the page."`
	Reload  Reload  `cmd:"" group:"run" help:"Ask a running lineup to read its configuration anew."`
	Prepare Prepare `cmd:"" group:"run" help:"Make the streams and buckets that roles apart need, with the administrator's rights."`
	MCP     MCP     `cmd:"" name:"mcp" group:"run" help:"Speak MCP on standard input and output for a running query daemon."`

	Status   Status   `cmd:"" group:"operate" help:"Show sources, jobs and engines."`
	Runs     Runs     `cmd:"" group:"operate" help:"Show what the last crawls of each source did, failed ones too."`
	Keys     Keys     `cmd:"" group:"operate" help:"Make, list, rotate and revoke API keys, and show their use."`
	Reindex  Reindex  `cmd:"" group:"operate" help:"Build a new index generation beside the serving one and switch to it."`
	Audit    Audit    `cmd:"" group:"operate" help:"Compare ledger, index and blobs."`
	Remove   Remove   `cmd:"" group:"operate" help:"Remove a registrant for ever."`
	Removal  Removal  `cmd:"" group:"operate" help:"Check the receipt of a removal."`
	Jobs     Jobs     `cmd:"" group:"operate" help:"Show or retry dead jobs."`
	Evaluate Evaluate `cmd:"" group:"operate" help:"Measure errors and the promise of similarities on your own labelled photos."`
	Import   Import   `cmd:"" group:"operate" help:"Read a source from files an agency handed over, photos included."`
	Gallery  Gallery  `cmd:"" group:"operate" help:"Check the enrolled faces."`
	Link     Link     `cmd:"" group:"operate" help:"Explain which registrants are taken for one person."`
	Sources  Sources  `cmd:"" group:"operate" help:"List, show, check, try and make source definitions."`
	Models   Models   `cmd:"" group:"operate" help:"Fetch and verify the face models."`
	Doctor   Doctor   `cmd:"" group:"operate" help:"Check the configuration and every engine, and say what to do."`
	Backup   Backup   `cmd:"" group:"operate" help:"Write ledger, keys and removal list to a directory."`
	Restore  Restore  `cmd:"" group:"operate" help:"Read a backup back."`

	SampleSite SampleSite `cmd:"" name:"samplesite" group:"help" help:"Serve the made-up registry, in the shapes of many real ones, for trying and testing."`

	Config     ShowConfig `cmd:"" group:"help" help:"Print the configuration in force, every key of it."`
	Completion Completion `cmd:"" group:"help" help:"Print what makes your shell complete lineup's commands and flags."`
	Version    Version    `cmd:"" group:"help" help:"Print the version."`
}

func main() {
	blas.ChooseKernel() // first of all: it may start the process anew
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
	kongplete.Complete(parser) // answers the shell and exits when the shell asks
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
		fmt.Fprintf(stderr, "lineup: %v (lineup --help shows the commands)\n", err)
		return exitMisuse
	}
	app := newApp(&cli, stdout, stderr)
	if _, ok := parsed.Selected().Target.Addr().Interface().(needsNoConfig); app.invalid != nil && !ok {
		fmt.Fprintln(stderr, "lineup:", app.invalid)
		return exitMisuse
	}
	for _, odd := range app.loaded.Warnings {
		fmt.Fprintln(stderr, "lineup:", odd)
	}
	app.Faces = embedder
	err = parsed.Run(app)
	var exit exitError
	switch {
	case err == nil:
		return exitDone
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
	if node.FullDisk(app.Config, err) {
		fmt.Fprintf(stderr, "lineup: there is no room left in the data directory %s; hint: make room: a running lineup goes on by itself\n", app.Config.Data)
	}
	return exitFailed
}
