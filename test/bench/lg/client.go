package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// client is one connection that is opened again when it breaks.
type client struct {
	*load
	tally *tally
	own   []byte // the text of its conversation, if it has one
	conn  net.Conn
	in    *bufio.Reader
	lines *bufio.Reader
	body  bytes.Buffer
}

func newClient(l *load, i int) *client {
	c := &client{load: l, tally: newTally(), in: bufio.NewReaderSize(nil, 16<<10), lines: bufio.NewReaderSize(nil, 4<<10)}
	if l.talk {
		c.own = l.requests[i]
	}
	return c
}

// run sends requests until there are no more.
func (c *client) run() {
	for {
		due, n, ok := c.next()
		if !ok {
			break
		}
		text := c.own
		if text == nil {
			text = c.requests[n%int64(len(c.requests))]
		} else {
			setTurn(text, n)
		}
		if err := c.do(due, text); err != nil {
			c.tally.fail(err)
			c.hangUp()
			time.Sleep(time.Millisecond) // so that a dead gateway is not asked a million times
		}
	}
	c.hangUp()
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *client) dial() (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.host, 5*time.Second); err != nil {
		return err
	}
	c.in.Reset(c.conn)
	c.tally.dials++
	return nil
}

// do makes one request and counts it, unless it fails.
func (c *client) do(due time.Time, text []byte) error {
	if c.conn == nil {
		if err := c.dial(); err != nil {
			return err
		}
	}
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if _, err := c.conn.Write(text); err != nil {
		return err
	}
	h, err := c.head()
	if err != nil {
		return err
	}
	if c.stream && h.status == 200 {
		err = c.readStream(h, due)
	} else {
		err = c.readWhole(h, due)
	}
	if h.close {
		c.hangUp()
	}
	return err
}

// head is what matters of an answer's head.
type head struct {
	status  int
	length  int64 // -1: until the connection closes
	chunked bool
	close   bool
}

func (c *client) head() (h head, err error) {
	h.length = -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return h, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if len(line) < len("HTTP/1.1 200") {
				return h, fmt.Errorf("bad status line %q", line)
			}
			if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return h, err
			}
			continue
		}
		if len(line) == 0 {
			h.close = h.close || h.length < 0 && !h.chunked
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("content-length")):
			h.length, err = strconv.ParseInt(string(value), 10, 64)
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			h.chunked = true
		case bytes.EqualFold(name, []byte("connection")):
			h.close = bytes.EqualFold(value, []byte("close"))
		}
		if err != nil {
			return h, err
		}
	}
}

// payload is the body; what is behind it in the connection is left there, except for the end of a chunked one (see end).
func (c *client) payload(h head) io.Reader {
	switch {
	case h.chunked:
		return httputil.NewChunkedReader(c.in)
	case h.length >= 0:
		return io.LimitReader(c.in, h.length)
	}
	return c.in
}

// end reads what a chunked body leaves behind: the empty line after its trailers, of which there are none here.
func (c *client) end(h head) error {
	if !h.chunked {
		return nil
	}
	line, err := c.in.ReadSlice('\n')
	if err == nil && len(bytes.TrimRight(line, "\r\n")) > 0 {
		err = errors.New("trailers are not expected")
	}
	return err
}

func (c *client) readWhole(h head, due time.Time) error {
	c.body.Reset()
	if _, err := c.body.ReadFrom(c.payload(h)); err != nil {
		return err
	}
	now := time.Now()
	if err := c.end(h); err != nil {
		return err
	}
	if h.length >= 0 && int64(c.body.Len()) != h.length {
		return io.ErrUnexpectedEOF
	}
	body := c.body.Bytes()
	if h.status != 200 {
		c.tally.refuse(h.status, body)
		return nil
	}
	c.tally.ok++
	c.tally.latency.add(now.Sub(due))
	received, rest, ok := stamp(body)
	if sent, err := strconv.ParseInt(string(rest[:min(stampLen, len(rest))]), 10, 64); ok && err == nil {
		c.tally.added.add(now.Sub(due) - time.Duration(sent-received))
	}
	return nil
}

// readStream counts an event for each stamp.
func (c *client) readStream(h head, due time.Time) error {
	c.lines.Reset(c.payload(h))
	events := 0
	for {
		line, err := c.lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		written, _, ok := stamp(line)
		if !ok {
			continue
		}
		late := time.Duration(time.Now().UnixNano() - written)
		if events == 0 {
			c.tally.first.add(late)
		}
		events++
		c.tally.interval.add(late)
	}
	if err := c.end(h); err != nil {
		return err
	}
	c.tally.events += uint64(events)
	if events == 0 {
		c.tally.refuse(h.status, nil)
		return nil
	}
	c.tally.ok++
	c.tally.latency.add(time.Since(due))
	return nil
}

// stampLen is the length of a time in nanoseconds, until the year 2286.
const stampLen = 19

// stamp finds "@time" and returns what follows behind one more character.
func stamp(b []byte) (nanos int64, rest []byte, ok bool) {
	at := bytes.IndexByte(b, '@')
	if at < 0 || len(b) < at+1+stampLen+1 {
		return 0, nil, false
	}
	nanos, err := strconv.ParseInt(string(b[at+1:at+1+stampLen]), 10, 64)
	return nanos, b[at+1+stampLen+1:], err == nil
}
