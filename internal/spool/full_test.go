package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// disk counts down the room that files have. It writes what still fits, as file systems do.
type disk struct {
	room     int
	cutFails bool
	syncErr  atomic.Value // of error
}

type diskFile struct {
	file
	d *disk
}

func (d *disk) open(name string) (file, error) {
	f, err := openFile(name)
	return &diskFile{f, d}, err
}

func (f *diskFile) Write(b []byte) (int, error) {
	if len(b) <= f.d.room {
		f.d.room -= len(b)
		return f.file.Write(b)
	}
	n, _ := f.file.Write(b[:f.d.room])
	f.d.room = 0
	return n, &os.PathError{Op: "write", Path: "segment", Err: syscall.ENOSPC}
}

func (f *diskFile) Truncate(size int64) error {
	if f.d.cutFails {
		return syscall.EIO
	}
	return f.file.Truncate(size)
}

func (f *diskFile) Sync() error {
	if err, _ := f.d.syncErr.Load().(error); err != nil && !errors.Is(err, errNone) {
		return err
	}
	return f.file.Sync()
}

var errNone = syscall.Errno(0)

func TestDiskFull(t *testing.T) {
	for _, cutFails := range []bool{false, true} {
		t.Run(fmt.Sprintf("cutFails=%v", cutFails), func(t *testing.T) {
			dir := t.TempDir()
			d := &disk{room: 1000, cutFails: cutFails}
			s, err := open(dir, Options{Reserve: 4096}, d.open)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			var failed error
			for i := 0; failed == nil; i++ {
				text := fmt.Sprintf("%d %s", i, bytes.Repeat([]byte("x"), i))
				if _, failed = s.Append([]byte(text)); failed == nil {
					want = append(want, text)
				}
			}
			if !errors.Is(failed, ErrDiskFull) || !errors.Is(failed, syscall.ENOSPC) || !strings.Contains(failed.Error(), dir) {
				t.Fatalf("got %v", failed)
			}
			if err := s.Healthy(); !errors.Is(err, ErrDiskFull) {
				t.Fatalf("healthy: %v", err)
			}
			if diff := cmp.Diff(want, contents(t, s, 0)); diff != "" {
				t.Fatal(diff)
			}
			// Room again: the spool goes on behind the failed write, and says that it is well.
			d.room = 1000
			s.heal()
			if err := s.Healthy(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Append([]byte("again")); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s = mustOpen(t, dir, Options{Reserve: 4096})
			defer s.Close()
			if diff := cmp.Diff(append(want, "again"), contents(t, s, 0)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{Limit: 16 << 10, Reserve: 2 << 10})
	defer s.Close()
	payload := make([]byte, 1000)
	warned := 0
	for {
		if s.Healthy() != nil {
			warned++
		}
		_, err := s.Append(payload)
		if errors.Is(err, ErrLimit) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Healthy(); !errors.Is(err, ErrLimit) || warned < 2 {
		t.Fatalf("%v; warned for %d appends before the limit", err, warned)
	}
	if err := s.Ack(s.End()); err != nil {
		t.Fatal(err)
	}
	if err := s.Healthy(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(payload); err != nil {
		t.Fatal(err)
	}
}

func TestSyncFailureHeals(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := &disk{room: 1 << 20}
		d.syncErr.Store(syscall.EIO)
		s, err := open(dir, Options{Reserve: 1}, d.open)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		<-time.After(60 * time.Millisecond)
		synctest.Wait()
		if err := s.Healthy(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("healthy: %v", err)
		}
		d.syncErr.Store(errNone)
		<-time.After(2 * time.Second)
		synctest.Wait()
		if err := s.Healthy(); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRealDiskFull fills a small file system: the reserve carries what is under way, nothing that was appended is lost, and
// once there is room all is well again.
func TestRealDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIP 1: needs the right to mount a tmpfs: %s", out)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	s := mustOpen(t, dir, Options{Reserve: 256 << 10})
	defer s.Close()
	payload := make([]byte, 3000)
	total, carried := 0, 0
	for {
		_, err := s.Append(payload)
		if errors.Is(err, ErrDiskFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		total++
		if s.Healthy() != nil {
			carried++
		}
	}
	if carried < 50 {
		t.Fatalf("the reserve carried %d of %d appends", carried, total)
	}
	s.heal()
	if err := s.Healthy(); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("healthy on a full disk: %v", err)
	}
	if n := len(contents(t, s, 0)); n != total {
		t.Fatalf("%d of %d frames are there", n, total)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=4m", dir).CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	s.heal()
	if err := s.Healthy(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(payload); err != nil {
		t.Fatal(err)
	}
	if n := len(contents(t, s, 0)); n != total+1 || s.Stats().Skipped != 0 {
		t.Fatalf("%d of %d frames are there; %+v", n, total+1, s.Stats())
	}
}
