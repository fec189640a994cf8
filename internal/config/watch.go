package config

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher reads a config again when its file has changed.
//
// The system's notice of changes is a hint, and a look every two seconds is the guarantee: notices get lost on network file
// systems, in containers, and when the folder itself is replaced. What counts is the content, so a mere touch does nothing.
// A file must look the same twice in a row before it is read: half a file, or one emptied by an editor that is about to
// write, would be valid YAML and a different config.
type Watcher struct {
	loader   Loader
	path     string
	onChange func(*Config, []Problem, error)
	trigger  chan struct{}
	poll     time.Duration
	settle   time.Duration

	// Owned by Run: versions of the file, "" being none. A file that cannot be read has the reason for its version.
	seen, candidate string
	settling        *time.Timer
}

// Watch prepares to watch the file that c was read from. OnChange is called from Run, one call at a time, with what
// [Loader.Load] returns; on an error the caller keeps the config it has, and is not told again before the file changes again.
func (l Loader) Watch(c *Config, onChange func(*Config, []Problem, error)) *Watcher {
	return &Watcher{
		loader: l, path: c.File, seen: c.Version, onChange: onChange,
		trigger: make(chan struct{}, 1), poll: 2 * time.Second, settle: 100 * time.Millisecond,
	}
}

// Trigger asks for a reading now, changed or not (SIGHUP). It does not wait.
func (w *Watcher) Trigger() {
	select {
	case w.trigger <- struct{}{}:
	default: // one is waiting already
	}
}

// Run watches until ctx ends, and returns nil then. Without a file it only serves Trigger.
func (w *Watcher) Run(ctx context.Context) error {
	w.settling = time.NewTimer(0) // the file may have changed since it was read
	defer w.settling.Stop()
	poll := time.NewTicker(w.poll)
	defer poll.Stop()
	notices, stop := w.notices()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.trigger:
			w.read(w.look())
		case event := <-notices.Events:
			// Kubernetes swaps the link ..data beside the file.
			if name := filepath.Base(event.Name); name == filepath.Base(w.path) || name == "..data" {
				w.check(false)
			}
		case err := <-notices.Errors:
			if errors.Is(err, fsnotify.ErrEventOverflow) { // notices were lost
				w.check(false)
			}
		case <-poll.C:
			w.check(false)
		case <-w.settling.C:
			w.check(true)
		}
	}
}

// notices are the changes in the file's folder; watching the file itself would end when an editor replaces it. Where the
// system gives none, the poll alone does the work.
func (w *Watcher) notices() (fw *fsnotify.Watcher, stop func()) {
	fw, err := fsnotify.NewWatcher()
	if err != nil {
		return &fsnotify.Watcher{}, func() {}
	}
	if w.path != "" {
		_ = fw.Add(filepath.Dir(w.path))
	}
	return fw, func() { _ = fw.Close() }
}

// check reads the file when it differs from the one last read and has held still. Only the timer tells that it has.
func (w *Watcher) check(settled bool) {
	version, doc, err := w.look()
	switch {
	case version == w.seen:
		w.candidate = ""
	case settled && version == w.candidate:
		w.read(version, doc, err)
	case version != w.candidate:
		w.candidate = version
		w.settling.Reset(w.settle)
	}
}

func (w *Watcher) read(version string, doc []byte, err error) {
	w.seen, w.candidate = version, ""
	if err != nil {
		w.onChange(nil, nil, Problems{{File: w.path, Text: version}})
		return
	}
	w.onChange(w.loader.Parse(w.path, doc))
}

func (w *Watcher) look() (string, []byte, error) {
	if w.path == "" {
		return version(nil), nil, nil
	}
	doc, err := read(w.path)
	if err != nil {
		return reason(err), nil, err
	}
	return version(doc), doc, nil
}
