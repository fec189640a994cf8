// Package spool is an append-only log on disk between those who must not wait and a store that may be slow or away. What
// Append has returned survives a crash of the process at once, and a crash of the machine after the next sync (50 ms). It is
// delivered at least once: the receiver must cope with seeing it again.
//
// It knows bytes and files. It does not know what the bytes mean.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Pos is a place in the spool, counted in bytes over its whole life. It only grows, also over restarts.
type Pos uint64

// Why Append may fail and Healthy complain, besides errors of the file system itself.
var (
	ErrDiskFull = errors.New("disk full")
	ErrLimit    = errors.New("spool has reached its size limit")
	ErrPayload  = errors.New("payload is empty or larger than 4 MB")
	ErrClosed   = errors.New("spool is closed")
)

// Options have usable zero values.
type Options struct {
	SegmentSize int64         // a new file is begun beyond it; 0: 16 MB
	Limit       int64         // bytes on disk; 0: 2 GB
	Reserve     int64         // bytes kept for what is under way when the disk fills up; 0: 4 MB
	Sync        time.Duration // at most this long until what was appended survives a power cut; 0: 50 ms
	Retry       time.Duration // between attempts to get healthy again; 0: 1 s
}

func (o Options) withDefaults() Options {
	set := func(v *int64, def int64) {
		if *v == 0 {
			*v = def
		}
	}
	set(&o.SegmentSize, 16<<20)
	set(&o.Limit, 2<<30)
	set(&o.Reserve, 4<<20)
	set((*int64)(&o.Sync), int64(50*time.Millisecond))
	set((*int64)(&o.Retry), int64(time.Second))
	o.SegmentSize = min(o.SegmentSize, max(o.Limit/8, 1)) // only whole segments can be removed
	return o
}

// file is what the spool needs of an *os.File; tests put faults behind it.
type file interface {
	Write([]byte) (int, error)
	Truncate(int64) error
	Sync() error
	Close() error
}

func openFile(name string) (file, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// Spool is safe for concurrent use.
type Spool struct {
	dir  string
	opts Options
	open func(name string) (file, error)
	lock *os.File
	ackF *os.File

	mu       sync.Mutex
	segments []segment // oldest first; the last one is written to
	cur      file
	dirty    bool   // cur has bytes that were not synced
	named    bool   // a file was created since the folder was synced
	full     []file // closed for writing, not yet synced
	broken   bool   // cur could not be cut back to its last whole frame: go on in a new segment
	acked    Pos
	buf      []byte
	reserved bool  // the reserve is in place
	failed   error // of the last append or sync; nil: well
	closed   bool
	stats    Stats
}

// Stats describe the spool's state and what happened to it since Open.
type Stats struct {
	Bytes   int64 // on disk
	Pending int64 // not yet acknowledged
	Frames  int64 // appended
	Errors  int64 // appends and syncs that failed
	Cut     int64 // bytes of a torn write that Open cut off the end
	Skipped int64 // damaged bytes that Replay stepped over
}

// Open takes the folder, creating it if need be, and cuts a torn write off its end. Errors name the folder; ErrInUse when
// another process has it. Call Run next, and Close at the end.
func Open(dir string, opts Options) (*Spool, error) {
	return open(dir, opts, openFile)
}

func open(dir string, opts Options, opener func(string) (file, error)) (s *Spool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool folder: %w", err)
	}
	s = &Spool{dir: dir, opts: opts.withDefaults(), open: opener}
	if s.lock, err = lock(dir); err != nil {
		return nil, fmt.Errorf("spool folder: %w", err)
	}
	if err := s.recover(); err != nil {
		s.lock.Close()
		return nil, fmt.Errorf("spool folder: %w", err)
	}
	if info, err := os.Stat(s.reservePath()); err == nil && info.Size() == s.opts.Reserve {
		s.reserved = true
		return s, nil
	}
	s.failed = s.restoreReserve() // a full disk is no reason not to start: Healthy tells
	return s, nil
}

func (s *Spool) recover() (err error) {
	if s.segments, err = listSegments(s.dir); err != nil {
		return err
	}
	if err := s.cutTail(); err != nil {
		return err
	}
	if s.ackF, s.acked, err = openAck(filepath.Join(s.dir, "ack")); err != nil {
		return err
	}
	end := s.acked
	if n := len(s.segments); n > 0 {
		end = max(end, s.segments[n-1].end())
	}
	// Always a file of its own: where the last one was damaged, nothing good comes to lie behind the damage.
	if err := s.begin(end); err != nil {
		s.ackF.Close()
		return err
	}
	s.dropAcked()
	return nil
}

// cutTail cuts what a crash left unfinished off the last segment. Damage with good frames behind it stays: Replay steps over.
func (s *Spool) cutTail() error {
	n := len(s.segments)
	if n == 0 {
		return nil
	}
	last := &s.segments[n-1]
	b, err := os.ReadFile(s.path(last.start))
	if err != nil {
		return err
	}
	_, tail := walk(b, last.start, func([]byte, Pos) bool { return true })
	if tail == 0 {
		return nil
	}
	s.stats.Cut = tail
	last.size -= tail
	return os.Truncate(s.path(last.start), last.size)
}

// begin starts a new segment at a position. An empty last segment is used again.
func (s *Spool) begin(at Pos) error {
	f, err := s.open(s.path(at))
	if err != nil {
		return diskErr(err)
	}
	if s.cur != nil {
		s.full = append(s.full, s.cur)
	}
	s.cur, s.broken, s.dirty, s.named = f, false, true, true
	if n := len(s.segments); n == 0 || s.segments[n-1].start != at {
		s.segments = append(s.segments, segment{start: at})
	}
	return nil
}

// Append adds one frame per payload with a single write, and returns the position behind them. When it returns, they are in
// the hands of the kernel. On error none of them is in the spool: ErrDiskFull, ErrLimit, ErrPayload, ErrClosed or the error
// of the file system.
func (s *Spool) Append(payloads ...[]byte) (Pos, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, ErrClosed
	}
	pos, err := s.append(payloads)
	if err == nil {
		s.stats.Frames += int64(len(payloads))
		return pos, nil
	}
	s.stats.Errors++
	err = fmt.Errorf("spool %s: %w", s.dir, err)
	if !errors.Is(err, ErrPayload) && !errors.Is(err, ErrLimit) { // Healthy sees the limit by itself
		s.failed = err
	}
	return 0, err
}

func (s *Spool) append(payloads [][]byte) (Pos, error) {
	if err := s.room(); err != nil {
		return 0, err
	}
	last := &s.segments[len(s.segments)-1]
	s.buf = s.buf[:0]
	for _, p := range payloads {
		if len(p) == 0 || len(p) > maxPayload {
			return 0, ErrPayload
		}
		s.buf = appendFrame(s.buf, last.end()+Pos(len(s.buf)), p)
	}
	if s.bytes()+int64(len(s.buf)) > s.opts.Limit {
		return 0, ErrLimit
	}
	err := s.write(last)
	if errors.Is(err, ErrDiskFull) && s.releaseReserve() && !s.broken {
		s.failed = fmt.Errorf("spool %s: %w", s.dir, err)
		err = s.write(last)
	}
	if err != nil {
		return 0, err
	}
	last.size += int64(len(s.buf))
	s.dirty = true
	pos := last.end()
	if cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	return pos, nil
}

// room begins a new segment when the current one is long enough or beyond use.
func (s *Spool) room() error {
	last := s.segments[len(s.segments)-1]
	switch {
	case s.broken:
		// How much of the failed write is in the file is unknown; positions must not be used twice.
		info, err := os.Stat(s.path(last.start))
		if err != nil {
			return err
		}
		s.segments[len(s.segments)-1].size = info.Size()
		return s.begin(last.start + Pos(info.Size()))
	case last.size >= s.opts.SegmentSize:
		return s.begin(last.end())
	}
	return nil
}

// write writes buf at the end of the segment: all of it or, as far as that lies with us, nothing.
func (s *Spool) write(g *segment) error {
	_, err := s.cur.Write(s.buf)
	if err == nil {
		return nil
	}
	if s.cur.Truncate(g.size) != nil {
		s.broken = true
	}
	return diskErr(err)
}

// diskErr gives the several ways of the kernel to say "no room" one name.
func diskErr(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w (%w)", ErrDiskFull, err)
	}
	return err
}

func (s *Spool) bytes() (n int64) {
	for _, g := range s.segments {
		n += g.size
	}
	return n
}

// Stats is a snapshot.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Bytes = s.bytes()
	for _, g := range s.segments {
		if g.end() > s.acked {
			st.Pending += int64(g.end() - max(g.start, s.acked))
		}
	}
	return st
}

// End is the position behind the last frame.
func (s *Spool) End() Pos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.segments[len(s.segments)-1].end()
}

// Run syncs in the background and gets the spool healthy again after a failure, until ctx ends.
func (s *Spool) Run(ctx context.Context) error {
	tick := time.NewTicker(s.opts.Sync)
	defer tick.Stop()
	var tried time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if s.sync() == nil && s.Healthy() != nil && now.Sub(tried) >= s.opts.Retry {
				tried = now
				s.heal()
			}
		}
	}
}

// sync does its slow part without the lock, so that appends go on meanwhile.
func (s *Spool) sync() error {
	s.mu.Lock()
	full, cur, dirty, named := s.full, s.cur, s.dirty, s.named
	s.full, s.dirty, s.named = nil, false, false
	s.mu.Unlock()

	var errs []error
	for _, f := range full {
		errs = append(errs, f.Sync(), f.Close())
	}
	if dirty {
		errs = append(errs, cur.Sync())
	}
	if named {
		errs = append(errs, syncFolder(s.dir))
	}
	err := errors.Join(errs...)
	if err != nil {
		s.mu.Lock()
		s.stats.Errors++
		s.dirty = true // try again
		s.failed = fmt.Errorf("spool %s: %w", s.dir, diskErr(err))
		s.mu.Unlock()
	}
	return err
}

// syncFolder makes the names of new files survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close syncs what is there and gives the folder up. Run must have returned.
func (s *Spool) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	return errors.Join(s.sync(), s.cur.Close(), s.ackF.Close(), s.lock.Close())
}
