package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
)

// Replay calls fn with every frame from a position on (see Acked) that is in the spool now, in the order they came, until fn
// says false. next is the position behind the frame; payload is only valid during the call. Damaged bytes are stepped over
// and counted. Appending may go on meanwhile.
func (s *Spool) Replay(from Pos, fn func(payload []byte, next Pos) bool) error {
	s.mu.Lock()
	segments := slices.Clone(s.segments)
	s.mu.Unlock()

	more := true
	for _, g := range segments {
		if g.end() <= from || !more {
			continue
		}
		at := max(from, g.start)
		err := s.replay(at, g.end(), g.start, func(payload []byte, next Pos) bool {
			more = fn(payload, next)
			return more
		})
		if err != nil {
			return fmt.Errorf("spool %s: %w", s.dir, err)
		}
	}
	return nil
}

// How much is read at once: enough for hundreds of frames, and where that shows none, so much that every frame beginning in
// the first half is there to its end.
const (
	smallWindow = 256 << 10
	wholeWindow = 2 * (headerSize + maxPayload)
)

// replay reads [at, end) of the segment that begins at start.
func (s *Spool) replay(at, end, start Pos, fn func([]byte, Pos) bool) error {
	f, err := os.Open(s.path(start))
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, min(smallWindow, end-at))
	for at < end {
		b = b[:min(Pos(cap(b)), end-at)]
		if _, err := f.ReadAt(b, int64(at-start)); err != nil {
			return err
		}
		begin, stopped := at, false
		skipped, _ := walk(b, at, func(payload []byte, next Pos) bool {
			at = next
			stopped = !fn(payload, next)
			return !stopped
		})
		s.skip(skipped)
		last := begin+Pos(len(b)) == end
		switch {
		case stopped:
			return nil
		case last: // what is left is damage
			s.skip(int64(end - at))
			return nil
		case at > begin: // the window ended within a frame
		case cap(b) < wholeWindow:
			b = make([]byte, wholeWindow)
		default:
			s.skip(wholeWindow / 2)
			at += wholeWindow / 2
		}
	}
	return nil
}

func (s *Spool) skip(n int64) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	s.stats.Skipped += n
	s.mu.Unlock()
}

// Acked is the position up to which everything has been acknowledged.
func (s *Spool) Acked() Pos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

// Ack says that everything before pos is safe elsewhere. Segments that hold nothing else are removed.
func (s *Spool) Ack(pos Pos) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if pos = min(pos, s.segments[len(s.segments)-1].end()); pos <= s.acked {
		return nil
	}
	s.acked = pos
	s.dropAcked()
	_, err := s.ackF.WriteAt(encodeAck(pos), 0)
	return err
}

// dropAcked removes what is not needed any more. A file that cannot be removed now is tried again after the next start.
func (s *Spool) dropAcked() {
	for len(s.segments) > 1 && s.segments[0].end() <= s.acked {
		os.Remove(s.path(s.segments[0].start))
		s.segments = s.segments[1:]
	}
}

// The file ack holds a position and its checksum. It is not synced: an older one only means that more is seen again.
func encodeAck(pos Pos) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(pos))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// openAck reads the position; 0 when there is none or it is damaged.
func openAck(name string) (*os.File, Pos, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	var b [12]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		if errors.Is(err, io.EOF) {
			return f, 0, nil
		}
		f.Close()
		return nil, 0, err
	}
	if binary.LittleEndian.Uint32(b[8:]) != crc32.Checksum(b[:8], castagnoli) {
		return f, 0, nil
	}
	return f, Pos(binary.LittleEndian.Uint64(b[:])), nil
}
