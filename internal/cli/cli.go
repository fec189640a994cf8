// Package cli is the command line: one struct for the whole of it, one file for each group of commands.
//
// It knows flags, terminals and exit codes. What commands do is done elsewhere.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"tidegate/internal/app"
	"tidegate/internal/config"
)

// Process is what a command gets from the operating system.
type Process struct {
	Version string
	Env     func(string) (string, bool)
	Out     io.Writer
	Err     io.Writer
}

// commands is the whole command line.
type commands struct {
	Serve   serveCmd   `cmd:"" help:"Run the gateway."`
	Check   checkCmd   `cmd:"" help:"Validate a configuration and say what it means."`
	Logs    logsCmd    `cmd:"" help:"Show requests, newest last."`
	Spend   spendCmd   `cmd:"" help:"Show who spent what."`
	Export  exportCmd  `cmd:"" help:"Write requests as JSON lines or CSV."`
	Doctor  doctorCmd  `cmd:"" help:"Look for what could keep the gateway from working."`
	Fake    fakeCmd    `cmd:"" help:"Run the scripted upstream, for trying failures out."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// from are the flags that say which configuration and data are meant.
type from struct {
	Config string `help:"Configuration file (default: tidegate.yaml if there is one; TIDEGATE_CONFIG)." placeholder:"FILE" type:"path"`
	Data   string `help:"Data folder (default: ./data; TIDEGATE_DATA)." placeholder:"DIR" type:"path"`
}

func (f from) loader(p Process) config.Loader {
	return config.Loader{Catalog: app.Builtins{}, Env: p.Env, Flags: config.Flags{Config: f.Config, Data: f.Data}}
}

// errShown ends a command whose failure has been told already.
var errShown = errors.New("")

// Main runs one command and returns the exit code: 0 when it did what it should, 1 when it failed, 2 when it was called wrongly.
func Main(args []string, p Process) int {
	var cmds commands
	code := -1
	parser, err := kong.New(&cmds,
		kong.Name("tidegate"), kong.Description("The AI gateway: one endpoint for every provider, with failover, exact cost and full logs.\n\nBegin with 'tidegate serve'."),
		kong.Writers(p.Out, p.Err), kong.Exit(func(c int) { code = c }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(p), kong.UsageOnError(),
	)
	if err != nil {
		fmt.Fprintln(p.Err, "tidegate:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed, err := parser.Parse(args)
	if code >= 0 { // help was asked for
		return code
	}
	if err != nil {
		fmt.Fprintf(p.Err, "tidegate: %v (see 'tidegate --help')\n", err)
		return 2
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(); err != nil {
		if !errors.Is(err, errShown) {
			fmt.Fprintln(p.Err, "tidegate:", err)
		}
		return 1
	}
	return 0
}

type versionCmd struct{}

func (versionCmd) Run(p Process) error {
	fmt.Fprintln(p.Out, "tidegate", p.Version, revision())
	return nil
}

// revision is the commit that the binary was built from, where the Go tool knows.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}

type serveCmd struct {
	from
	Listen string `help:"Address to listen on (default: 127.0.0.1:8080; TIDEGATE_LISTEN)." placeholder:"HOST:PORT"`
}

func (c serveCmd) Run(ctx context.Context, p Process) error {
	loader := c.loader(p)
	loader.Flags.Listen = c.Listen
	level := new(slog.LevelVar)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return app.Serve(ctx, app.Options{
		Loader: loader, Version: p.Version, Out: p.Out, Level: level, Reload: hangups(ctx),
		Log: slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: level})),
	})
}

// hangups passes SIGHUP on for as long as ctx lives. A second interrupt during the drain ends the program at once.
func hangups(ctx context.Context) <-chan struct{} {
	signals, out := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	impatient := make(chan os.Signal, 1)
	go func() {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				signal.Notify(impatient, os.Interrupt, syscall.SIGTERM)
				<-impatient
				os.Exit(130)
			case <-signals:
				select {
				case out <- struct{}{}:
				case <-ctx.Done():
				}
			}
		}
	}()
	return out
}
