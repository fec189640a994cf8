package program

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"tidegate/test/rig"
)

const inNamespace = "TIDEGATE_TEST_IN_NAMESPACE"

// isolated tells whether the caller shall run its test: it is in a network namespace that has nothing but a loopback, or none
// can be had. Otherwise the test was run in one, as a process of its own.
func isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		if err := loopbackUp(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1", "TIDEGATE_BIN="+rig.Binary(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Logf("no network namespace can be had (%v): the test runs in this one", err)
		return true
	}
	t.Logf("in a network namespace of its own:\n%s", out)
	if err != nil {
		t.Fail()
	}
	return false
}

// loopbackUp switches the loopback of a new namespace on.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var request struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}

// asNobody has a command run as a user without rights, for whom the paths to the program and to dir are opened.
func asNobody(t *testing.T, dir string) func(*exec.Cmd) {
	t.Helper()
	const nobody = 65534
	return func(cmd *exec.Cmd) {
		for _, path := range []string{dir, cmd.Dir, cmd.Path} {
			for p := filepath.Dir(path); p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
				if err := os.Chmod(p, 0o755); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Chmod(cmd.Path, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{dir, cmd.Dir} {
			if err := os.Chown(p, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}
