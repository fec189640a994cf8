package rig

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that a healthy program does at once. It is long because machines are slow.
const patience = 60 * time.Second

// Process is a running tidegate.
type Process struct {
	Out *Output // standard output
	Err *Output // standard error
	Cmd *exec.Cmd

	done chan struct{} // closed at its end
	err  error
}

// start runs the program; it is killed at the end of the test if it still runs. Trouble that only shows in its output, races
// and panics, fails the test.
func start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Out: newOutput(), Err: newOutput(), Cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.Out, p.Err
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		p.Out.end()
		p.Err.end()
		close(p.done)
	}()
	t.Cleanup(func() {
		if p.Running() {
			_ = cmd.Process.Kill()
			<-p.done
		}
		said := p.Err.String()
		for _, sign := range []string{"DATA RACE", "panic:", "goroutine 1 ["} {
			if strings.Contains(said, sign) {
				t.Errorf("%s of the program says %q:\n%s", cmd.Args[1], sign, said)
			}
		}
		if t.Failed() {
			t.Logf("standard error of %v:\n%s", cmd.Args[1:], tail(said))
		}
	})
	return p
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// Running tells whether it has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Done is closed at its end.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends it a signal.
func (p *Process) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.Cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%v: %v", sig, err)
	}
}

// Wait waits for its end and returns the exit code, -1 when a signal ended it.
func (p *Process) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatal("the program does not end")
	}
	if exit := (*exec.ExitError)(nil); errors.As(p.err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// Stop ends it as an operator would, and expects it to end well.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// Output is what a process prints; whoever waits for a line is told when it comes.
type Output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // closed and replaced at every write
	over bool
}

func newOutput() *Output { return &Output{more: make(chan struct{})} }

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(b)
	o.wake()
	return len(b), nil
}

func (o *Output) wake() {
	close(o.more)
	o.more = make(chan struct{})
}

func (o *Output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.wake()
}

// String is everything so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Find waits until the output matches, and returns the submatches.
func (o *Output) Find(t testing.TB, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		o.mu.Lock()
		text, more, over := o.buf.String(), o.more, o.over
		o.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		if over {
			t.Fatalf("the program ended without printing %q; it printed:\n%s", pattern, tail(text))
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("the program does not print %q; it printed:\n%s", pattern, tail(text))
		}
	}
}

// Command is tidegate with arguments in a directory, in an environment that holds nothing but env.
func Command(t testing.TB, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), Binary(t), args...) // it ends as the test says
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TZ=UTC"}, env...)
	return cmd
}

// Result is what a command said and how it ended.
type Result struct {
	Out, Err string
	Code     int
}

// Run runs a command of the program to its end.
func Run(t testing.TB, dir string, env []string, args ...string) Result {
	t.Helper()
	cmd := Command(t, dir, env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	err := cmd.Wait()
	r := Result{Out: out.String(), Err: errs.String()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.Code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return r
}

// WriteFile writes a file of a test, making its folder.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Until asks again and again, for things that nothing announces.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
