package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultLimit bounds one event. Image and audio replies reach 20 MB; the bound only keeps a broken upstream from filling
// the memory.
const DefaultLimit = 32 << 20

// TooLargeError says that an event is larger than the limit. It is an error, never an end: a cut event must not look whole.
type TooLargeError struct{ Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("event larger than %d bytes", e.Limit)
}

// Reader splits a stream into frames.
type Reader struct {
	src   io.Reader
	limit int
	buf   []byte
	from  int // buf[from:to] is read and not yet handed out
	to    int
	line  int // where the current line begins
	scan  int // buf[line:scan] holds no line end
	whole int // behind the first whole frame; 0 when that is not known
	begun bool
	end   error
	data  []byte // joined data lines, when there are several
}

// NewReader reads frames of at most limit bytes; 0 is DefaultLimit.
func NewReader(src io.Reader, limit int) *Reader {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Reader{src: src, limit: limit}
}

// Buffered tells whether another whole frame is already here, so that a writer may put off its flush.
func (r *Reader) Buffered() bool { return r.cut() }

// Next returns the next frame. At the end it returns io.EOF; the upstream's last frame may lack its blank line and is returned
// all the same. A connection that broke returns its own error, after what came before it.
func (r *Reader) Next() (Frame, error) {
	for {
		if r.cut() {
			raw := r.buf[r.from:r.whole]
			r.from, r.whole = r.whole, 0
			return r.parse(raw), nil
		}
		if r.end != nil {
			raw := r.buf[r.from:r.to]
			r.from = r.to
			if len(raw) > 0 && errors.Is(r.end, io.EOF) {
				return r.parse(raw), nil
			}
			return Frame{}, r.end
		}
		if r.to-r.from > r.limit {
			return Frame{}, &TooLargeError{Limit: r.limit}
		}
		r.fill()
	}
}

// fill reads once, after making room.
func (r *Reader) fill() {
	if r.from > 0 {
		copy(r.buf, r.buf[r.from:r.to])
		r.to -= r.from
		r.line -= r.from
		r.scan -= r.from
		r.from = 0
	}
	if r.to == len(r.buf) {
		grown := make([]byte, max(4096, 2*len(r.buf)))
		copy(grown, r.buf[:r.to])
		r.buf = grown
	}
	n, err := r.src.Read(r.buf[r.to:])
	r.to += n
	r.end = err
}

// cut finds the blank line that closes the first frame and tells whether it is here. A line ends with \n, \r\n or \r; a \r
// that is the last byte so far may be half of a \r\n, so it waits for more unless nothing more will come.
func (r *Reader) cut() bool {
	b := r.buf[:r.to]
	for r.whole == 0 {
		n := lineEnd(b[r.scan:])
		if n < 0 {
			r.scan = len(b)
			return false
		}
		i := r.scan + n
		next := i + 1
		if b[i] == '\r' {
			if next == len(b) && r.end == nil {
				r.scan = i
				return false
			}
			if next < len(b) && b[next] == '\n' {
				next++
			}
		}
		if i == r.line {
			r.whole = next
		}
		r.line, r.scan = next, next
	}
	return true
}

// lineEnd is the index of the first \r or \n; -1 when there is none.
func lineEnd(b []byte) int {
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return bytes.IndexByte(b, '\r')
	}
	if k := bytes.IndexByte(b[:n], '\r'); k >= 0 {
		return k
	}
	return n
}

var bom = []byte("\xef\xbb\xbf")

// parse reads the lines of one block.
func (r *Reader) parse(raw []byte) Frame {
	f := Frame{Raw: raw}
	rest := raw
	if !r.begun {
		r.begun = true
		rest = bytes.TrimPrefix(rest, bom)
	}
	lines := 0
	for len(rest) > 0 {
		n := lineEnd(rest)
		line := rest
		if n >= 0 {
			line, rest = rest[:n], rest[n+1:]
		} else {
			rest = nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			f.Event = value
		case "data":
			switch lines {
			case 0:
				f.Data = value
			case 1:
				r.data = append(append(r.data[:0], f.Data...), '\n')
				r.data = append(r.data, value...)
			default:
				r.data = append(append(r.data, '\n'), value...)
			}
			lines++
		}
	}
	if lines > 1 {
		f.Data = r.data
	} else if lines == 1 && f.Data == nil {
		f.Data = []byte{}
	}
	return f
}
