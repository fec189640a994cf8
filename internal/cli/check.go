package cli

import (
	"fmt"

	"tidegate/internal/app"
	"tidegate/internal/config"
)

type checkCmd struct {
	Config string `help:"Configuration file (default: tidegate.yaml; TIDEGATE_CONFIG)." placeholder:"FILE" type:"path"`
	Listen string `help:"Check it for this address." placeholder:"HOST:PORT"`
}

func (c checkCmd) Run(p Process) error {
	loader := config.Loader{Catalog: app.Builtins{}, Env: p.Env, Flags: config.Flags{Config: c.Config, Listen: c.Listen}}
	path := loader.Path()
	cfg, warnings, err := loader.Load(path)
	for _, w := range warnings {
		fmt.Fprintln(p.Out, "warning:", w)
	}
	if err != nil {
		fmt.Fprintln(p.Err, err)
		return errShown
	}
	for _, line := range cfg.Unacted() {
		fmt.Fprintln(p.Out, "note:", line)
	}
	if path == "" {
		path = "no configuration file: the defaults"
	}
	fmt.Fprintf(p.Out, "%s: ok (%d providers, %d models, %d keys configured)\n", path, len(cfg.Providers), len(cfg.Models), len(cfg.Keys))
	return nil
}
