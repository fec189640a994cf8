package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reading is one call of a watcher's onChange.
type reading struct {
	listen string
	err    error
}

// watch runs a watcher on path until the test ends, and returns what it reads.
func watch(t *testing.T, path string, set func(*Watcher)) (*Watcher, <-chan reading) {
	t.Helper()
	c, _, err := loader(nil).Load(path)
	if err != nil {
		t.Fatal(err)
	}
	readings := make(chan reading, 100)
	w := loader(nil).Watch(c, func(c *Config, _ []Problem, err error) {
		if err != nil {
			readings <- reading{err: err}
			return
		}
		readings <- reading{listen: c.Listen}
	})
	w.settle = 5 * time.Millisecond // the tests replace files whole, but for one
	set(w)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(readings); n > 0 {
			t.Errorf("%d readings too many, first: %+v", n, <-readings)
		}
	})
	return w, readings
}

func polling(w *Watcher)  { w.poll = 10 * time.Millisecond }
func noticing(w *Watcher) { w.poll = time.Hour }

func write(t *testing.T, path, doc string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(doc), 0o644); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// replace puts a whole new file in the place of another, as most editors do.
func replace(t *testing.T, path, doc string) {
	t.Helper()
	write(t, path+"~", doc)
	rename(t, path+"~", path)
}

// expect waits for the next reading.
func expect(t *testing.T, readings <-chan reading, listen, failure string) {
	t.Helper()
	r := <-readings
	got := ""
	if r.err != nil {
		got = r.err.Error()
	}
	if r.listen != listen || got != failure {
		t.Fatalf("read %q, %q; want %q, %q", r.listen, got, listen, failure)
	}
}

// The ways in which files change, each seen by notice alone and by poll alone.
func TestWatch(t *testing.T) {
	for name, set := range map[string]func(*Watcher){"notice": noticing, "poll": polling} {
		t.Run("write/"+name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			write(t, path, "listen: 127.0.0.1:1")
			w, readings := watch(t, path, func(w *Watcher) {
				set(w)
				w.settle = 200 * time.Millisecond
			})
			started(w, readings)
			write(t, path, "listen: 127.0.0.1:2")
			expect(t, readings, "127.0.0.1:2", "")
		})
		t.Run("rename/"+name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "c.yaml")
			write(t, path, "listen: 127.0.0.1:1")
			w, readings := watch(t, path, set)
			started(w, readings)
			for _, listen := range []string{"127.0.0.1:2", "127.0.0.1:3"} {
				replace(t, path, "listen: "+listen)
				expect(t, readings, listen, "")
			}
		})
		// As Kubernetes does it: c.yaml -> ..data/c.yaml, ..data -> one of two folders.
		t.Run("links/"+name, func(t *testing.T) {
			dir := t.TempDir()
			for folder, doc := range map[string]string{"..1": "listen: 127.0.0.1:1", "..2": "listen: 127.0.0.1:2"} {
				if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, folder, "c.yaml"), doc)
			}
			link(t, "..1", filepath.Join(dir, "..data"))
			path := filepath.Join(dir, "c.yaml")
			link(t, "..data/c.yaml", path)
			w, readings := watch(t, path, set)
			started(w, readings)
			link(t, "..2", filepath.Join(dir, "..tmp"))
			rename(t, filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data"))
			expect(t, readings, "127.0.0.1:2", "")
		})
		t.Run("broken/"+name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.yaml")
			write(t, path, "listen: 127.0.0.1:1")
			w, readings := watch(t, path, set)
			started(w, readings)
			replace(t, path, "listen: [")
			expect(t, readings, "", path+":1:1: not YAML: did not find expected node content")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			expect(t, readings, "", path+": no such file or directory")
			replace(t, path, "listen: 127.0.0.1:3")
			expect(t, readings, "127.0.0.1:3", "")
		})
	}
}

func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// started waits until the watcher is at work, which a reading on demand shows.
func started(w *Watcher, readings <-chan reading) {
	w.Trigger()
	<-readings
}

// A touch, or a write of the same content, is no change; a trigger reads in any case.
func TestWatchSameContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "listen: 127.0.0.1:1")
	w, readings := watch(t, path, polling)
	started(w, readings)
	replace(t, path, "listen: 127.0.0.1:1")
	if err := os.Chtimes(path, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	w.Trigger()
	expect(t, readings, "127.0.0.1:1", "")
	replace(t, path, "listen: 127.0.0.1:2")
	expect(t, readings, "127.0.0.1:2", "") // and nothing in between
}

// A change between the first reading and the start of the watcher is not missed.
func TestWatchChangedBeforeRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "listen: 127.0.0.1:1")
	_, readings := watch(t, path, func(w *Watcher) {
		noticing(w)
		replace(t, path, "listen: 127.0.0.1:2")
	})
	expect(t, readings, "127.0.0.1:2", "")
}

// A file is read when it has held still: neither the emptied file nor half of it becomes the config.
func TestWatchSettles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "listen: 127.0.0.1:1")
	var seen []string
	w := loader(nil).Watch(&Config{File: path, Version: version([]byte("listen: 127.0.0.1:1"))}, func(c *Config, _ []Problem, err error) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c.Listen)
	})
	w.settling = time.NewTimer(time.Hour)
	for _, doc := range []string{"", "listen: 127.0.0.1:2", "listen: 127.0.0.1:22"} {
		write(t, path, doc)
		w.check(false) // a notice
		write(t, path, doc+"2")
		w.check(true) // the timer: it has changed meanwhile
		w.check(false)
	}
	if seen != nil {
		t.Fatal("read while it changed:", seen)
	}
	w.check(true)
	w.check(true)
	if len(seen) != 1 || seen[0] != "127.0.0.1:222" {
		t.Fatal(seen)
	}
}

// Without a file there is nothing to watch, and a trigger yields the defaults.
func TestWatchNoFile(t *testing.T) {
	w, readings := watch(t, "", polling)
	w.Trigger()
	expect(t, readings, "127.0.0.1:8080", "")
}
