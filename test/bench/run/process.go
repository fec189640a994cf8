package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The cores: load generator and upstream share the first, the gateways have the second to themselves.
const (
	loadCore    = 0
	gatewayCore = 1
)

// process is a program that was started here, and that ends with this one.
type process struct {
	name string
	cmd  *exec.Cmd
	said bytes.Buffer
	done chan error
}

// start runs a program on one core. Its environment is bare: no key of a vendor and no proxy may get into the measurement. It is
// to be called from the main goroutine, which keeps its thread: the kernel ends the program when the thread that started it ends.
func start(core int, dir, program string, args ...string) (*process, error) {
	p := &process{name: filepath.Base(program), done: make(chan error, 1)}
	p.cmd = pinned(context.Background(), core, program, args...)
	p.cmd.Dir = dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- p.cmd.Wait() }()
	return p, nil
}

// pinned is a command on one core, where there are several.
func pinned(ctx context.Context, core int, program string, args ...string) *exec.Cmd {
	if taskset, err := exec.LookPath("taskset"); err == nil && cores() > 1 {
		args = append([]string{"-c", strconv.Itoa(core), program}, args...)
		program = taskset
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd
}

// stop asks the program to end, and makes it after some seconds.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ready polls until something answers at addr.
func (p *process) ready(answers func() bool) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		select {
		case err := <-p.done:
			p.done <- err
			return fmt.Errorf("%s ended: %w\n%s", p.name, err, p.said.String())
		default:
		}
		if answers() {
			return nil
		}
	}
	return fmt.Errorf("%s does not answer", p.name)
}

// family is the process and its children: nginx works in one.
func (p *process) family() []int {
	pids := []int{p.cmd.Process.Pid}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[0], pids[0]))
	if err != nil {
		return pids
	}
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cpu is the time that the process has had on a core, from /proc/PID/stat (proc(5): fields 14 and 15, in ticks of 10 ms).
func (p *process) cpu() (sum time.Duration) {
	for _, pid := range p.family() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // behind the name, which may hold anything
		f := strings.Fields(rest)
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		sum += time.Duration(user+system) * 10 * time.Millisecond
	}
	return sum
}

// rss is its resident memory in bytes.
func (p *process) rss() (sum int64) {
	for _, pid := range p.family() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(status), "VmRSS:")
		if f := strings.Fields(rest); len(f) > 0 {
			kb, _ := strconv.ParseInt(f[0], 10, 64)
			sum += kb << 10
		}
	}
	return sum
}

// quiet waits until the process has done what it does afterwards, such as writing its log: its CPU time stands still.
func (p *process) quiet(ctx context.Context, patience time.Duration) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; {
		before := p.cpu()
		time.Sleep(250 * time.Millisecond)
		if p.cpu()-before <= 10*time.Millisecond {
			return
		}
	}
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// build compiles a program of the module in dir.
func build(ctx context.Context, dir, output, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", output, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("building %s: %w", pkg, err), errors.New(string(said)))
	}
	return nil
}
