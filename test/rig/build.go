// Package rig starts the program for tests that see it from outside: the gateway and the scripted upstream as processes of
// their own, built from this tree. It knows what a user knows: command line, files, HTTP. It imports nothing of the program.
package rig

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the binary of this test process.
var built = sync.OnceValues(build)

// made is the folder in which build put it.
var made string

// Binary is the path of tidegate: the one that TIDEGATE_BIN names, or one built from this tree, with the race detector when the
// test itself has it.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs a package's tests and removes what was built for them.
func Main(m *testing.M) {
	code := m.Run()
	if made != "" {
		_ = os.RemoveAll(made)
	}
	os.Exit(code)
}

func build() (string, error) {
	if path := os.Getenv("TIDEGATE_BIN"); path != "" {
		return path, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "tidegate-test")
	if err != nil {
		return "", err
	}
	made = dir
	bin := filepath.Join(dir, "tidegate")
	args := []string{"build", "-o", bin}
	env := append(os.Environ(), "GOWORK=off")
	if race {
		args = append(args, "-race")
	} else {
		env = append(env, "CGO_ENABLED=0")
	}
	cmd := exec.CommandContext(context.Background(), "go", append(args, "./cmd/tidegate")...)
	cmd.Dir, cmd.Env = root, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New("cannot build the program: " + err.Error() + "\n" + string(out))
	}
	return bin, nil
}

// Root is the top of the source tree.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "tidegate")); err == nil {
			return dir, nil
		}
	}
	return "", fs.ErrNotExist
}
