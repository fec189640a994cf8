package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"tidegate/internal/fake"
)

type fakeCmd struct {
	Listen  string `help:"Address to listen on." default:"127.0.0.1:9090" placeholder:"HOST:PORT"`
	Default string `help:"Scenario of models that name none (without it they are refused)." placeholder:"SCENARIO"`
	Quiet   bool   `help:"Do not keep what is received (for benchmarks)."`
}

// Help lists the scenarios, which are what the command is for.
func (fakeCmd) Help() string {
	var b strings.Builder
	b.WriteString("The model of a request picks the scenario; options follow a colon, and scenarios are joined by +: chat+latency:ms=50\n\n")
	for _, s := range fake.Scenarios() {
		fmt.Fprintf(&b, "  %-18s %s\n", s.Name, s.What)
	}
	b.WriteString("\nGET /_fake/requests lists what was received; POST /_fake/reset forgets it.")
	return b.String()
}

func (c fakeCmd) Run(ctx context.Context, p Process) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: choose another address with --listen (%w)", c.Listen, err)
	}
	server := &http.Server{Handler: fake.New(fake.Options{Default: c.Default, NoRecord: c.Quiet}), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(p.Out, "scripted upstream on http://%s/v1 (see 'tidegate fake --help' for the scenarios)\n", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
