package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Healthy is nil as long as the next appends can be expected to succeed. It turns before they fail: when the disk fills up,
// the reserve still takes what is under way, so whoever asks Healthy before beginning something new loses nothing.
func (s *Spool) Healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	if s.bytes()+s.margin() > s.opts.Limit {
		return fmt.Errorf("spool %s: %w (%d MB); the store does not keep up", s.dir, ErrLimit, s.opts.Limit>>20)
	}
	return nil
}

// margin is how much of the limit is left to what is under way.
func (s *Spool) margin() int64 { return min(s.opts.Reserve, s.opts.Limit/4) }

func (s *Spool) reservePath() string { return filepath.Join(s.dir, "reserve") }

// heal tries what failed before, and forgets the failure when it works. It keeps appends waiting meanwhile: the last room on
// the disk must not be taken from under them.
func (s *Spool) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		return // over the limit: only acknowledgements help
	}
	if s.restoreReserve() == nil {
		s.failed = nil
	}
}

// restoreReserve fills the reserve with real blocks. It wants twice the room, so that a disk that is full to within a few
// blocks does not make us healthy and ill in turns.
func (s *Spool) restoreReserve() error {
	err := fill(s.reservePath(), 2*s.opts.Reserve, s.opts.Reserve)
	if err != nil {
		os.Remove(s.reservePath())
		return fmt.Errorf("spool %s: %w", s.dir, diskErr(err))
	}
	s.reserved = true
	return nil
}

// fill writes size bytes and then keeps only some.
func fill(name string, size, keep int64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for err == nil && size > 0 {
		var n int
		n, err = f.Write(block[:min(size, int64(len(block)))])
		size -= int64(n)
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Truncate(keep))
	}
	return errors.Join(err, f.Close())
}

// releaseReserve makes room once; it says whether there was something to release. The caller holds the lock.
func (s *Spool) releaseReserve() bool {
	if !s.reserved {
		return false
	}
	s.reserved = false
	return os.Remove(s.reservePath()) == nil
}
