// Command tidegate is the gateway, and the terminal's way to what it keeps.
package main

import (
	"os"

	"tidegate/internal/cli"
)

// version is set by the release build.
var version = "dev"

func main() {
	os.Exit(cli.Main(os.Args[1:], cli.Process{
		Version: version, Env: os.LookupEnv, Out: os.Stdout, Err: os.Stderr,
	}))
}
