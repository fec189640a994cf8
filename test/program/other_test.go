//go:build !linux

package program

import (
	"os/exec"
	"testing"
)

// isolated runs the test where it is: only Linux has network namespaces.
func isolated(*testing.T) bool { return true }

// asNobody skips a test that needs a user without rights to be made.
func asNobody(t *testing.T, _ string) func(*exec.Cmd) {
	t.Skip("skipped 1 test: it does not run as root here")
	return nil
}
