package provider

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"
)

// Bounds of a plain connection.
const (
	maxHead     = 1 << 20          // bytes of an answer's head and of the interim ones before it
	inline      = 16 << 10         // a body up to it goes into the buffer of the head, so that both are one write
	large       = 64 << 10         // a body beyond it is written while the answer is awaited: it may be refused before it is read
	idleTimeout = 90 * time.Second // of a pooled connection
	idlePerHost = 1024
)

var (
	errHead      = errors.New("the head of the answer is too large")
	errSwitching = errors.New("the upstream switches to a protocol that nobody asked for")
)

// plain speaks HTTP/1.1 without TLS. http.Transport has two goroutines to every connection, through which each request passes;
// here the caller's own goroutine writes and reads, which halves the cost of a call. It takes requests whose body is a document
// or absent, follows no redirects, decompresses nothing and, of the hooks of httptrace, calls WroteHeaders: once something of
// the request may have left.
//
// It is safe for concurrent use.
type plain struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	pool pool
}

// RoundTrip makes one call. A connection of the pool may have died meanwhile without our knowing: when nothing of the request
// could be written to it, the request goes out on a fresh one. Once something was written it may be served, and billed, and is
// not sent again, as net/http has it for requests that are not idempotent (RFC 9110, section 9.2.2). When the context ends,
// so does the call, whatever it is doing, and the error is the context's cause.
func (p *plain) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	head, body, err := write(req)
	if err != nil {
		return nil, err
	}
	defer buffers.Put(head)
	address := hostPort(req.URL)
	for c := p.pool.take(address); ; c = nil {
		if c == nil {
			if c, err = p.connect(ctx, address); err != nil {
				return nil, cause(ctx, err)
			}
		}
		reused := c.used
		c.used, c.wrote = true, false
		resp, err := c.exchange(req, *head, body)
		if err == nil {
			return resp, nil
		}
		if ctx.Err() != nil || !reused || c.wrote || !isStale(err) {
			return nil, cause(ctx, err)
		}
	}
}

func (p *plain) connect(ctx context.Context, address string) (*conn, error) {
	c, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newConn(c, address, &p.pool), nil
}

// noAnswerError is a failure before the first byte of the answer.
type noAnswerError struct{ error }

func (e noAnswerError) Unwrap() error { return e.error }

func isStale(err error) bool {
	_, none := errors.AsType[noAnswerError](err)
	return none && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
}

// cause is why the call ended: the context, if it did.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// conn is one connection. Whoever makes an exchange on it has it alone.
type conn struct {
	net.Conn
	pool    *pool
	address string
	in      *bufio.Reader
	room    int64 // bytes that may still be read; bounds heads
	alive   func() bool
	abort   func() // ends whatever waits for the connection
	used    bool
	wrote   bool      // something of the request; read it only when nothing is being written any more
	since   time.Time // when it became idle
}

var past = time.Unix(1, 0)

func newConn(nc net.Conn, address string, p *pool) *conn {
	c := &conn{Conn: nc, pool: p, address: address}
	c.in = bufio.NewReaderSize(c, 4<<10)
	c.alive = silent(nc)
	c.abort = func() { _ = nc.SetDeadline(past) } // fails for a closed connection, which waits for nothing
	return c
}

// Read is for in only. It bounds what is read.
func (c *conn) Read(b []byte) (int, error) {
	if c.room <= 0 {
		return 0, errHead
	}
	n, err := c.Conn.Read(b)
	c.room -= int64(n)
	return n, err
}

// exchange sends a request and reads the head of its answer. The answer's body gives the connection back, or ends it. When
// exchange fails the connection is closed, and nothing is being written any more.
func (c *conn) exchange(req *http.Request, head, body []byte) (*http.Response, error) {
	ctx := req.Context()
	b := &answerBody{conn: c, ctx: ctx, release: context.AfterFunc(ctx, c.abort)}
	var unsent error
	if len(body) <= large {
		unsent = c.send(ctx, head, body)
	} else {
		b.written = make(chan error, 1)
		go func() { b.written <- c.send(ctx, head, body) }() // b.end waits for it
	}
	c.room = maxHead
	resp, err := c.receive(req)
	if err != nil {
		if late := b.end(false); unsent == nil {
			unsent = late
		}
		if _, none := errors.AsType[noAnswerError](err); none && unsent != nil { // the reason why there is no answer
			err = noAnswerError{unsent}
		}
		return nil, err
	}
	c.room = math.MaxInt64
	b.last = unsent != nil || resp.Close || req.Close
	b.source, resp.Body = resp.Body, b
	if b.source == http.NoBody {
		resp.Body = http.NoBody
		_ = b.end(true) // what it did not want is no failure: here and below
	}
	return resp, nil
}

// send writes the request, in one go where it is small. It says so to whoever traces, if anything may have left.
func (c *conn) send(ctx context.Context, head, body []byte) error {
	var (
		n   int64
		err error
	)
	if len(body) == 0 {
		var written int
		written, err = c.Write(head)
		n = int64(written)
	} else {
		parts := net.Buffers{head, body}
		n, err = parts.WriteTo(c.Conn)
	}
	c.wrote = n > 0
	if trace := httptrace.ContextClientTrace(ctx); n > 0 && trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	return err
}

// receive reads the head of the answer, and of interim ones before it.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	if _, err := c.in.Peek(1); err != nil {
		return nil, noAnswerError{err}
	}
	for {
		resp, err := http.ReadResponse(c.in, req)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitching
		case resp.StatusCode/100 != 1:
			return resp, nil
		}
	}
}

// answerBody is an answer's body, which has the connection until it ends.
type answerBody struct {
	conn    *conn
	ctx     context.Context
	source  io.Reader
	release func() bool // from the context; false when that has ended already
	written chan error  // the outcome of sending a large body; nil for others
	last    bool        // the connection is of no use after this
	ended   error       // the reader's
	over    atomic.Bool
}

// Read reads the body. What comes after its end is not touched.
func (b *answerBody) Read(p []byte) (n int, err error) {
	switch {
	case b.ended != nil:
		return 0, b.ended
	case b.over.Load():
		return 0, http.ErrBodyReadAfterClose
	}
	if n, err = b.source.Read(p); err == nil {
		return n, nil
	}
	whole := errors.Is(err, io.EOF)
	if !whole {
		err = cause(b.ctx, err)
	}
	b.ended = err
	_ = b.end(whole)
	return n, err
}

// Close ends the connection unless the body was read to its end.
func (b *answerBody) Close() error {
	_ = b.end(false)
	return nil
}

// end gives the connection up: back to the pool when it can be used again, which takes that the answer was read whole, that
// the request was written whole, and that nothing follows. It waits for the writing to end, and returns its error.
func (b *answerBody) end(whole bool) (unsent error) {
	if !b.over.CompareAndSwap(false, true) {
		return nil
	}
	c := b.conn
	keep := b.release() && whole && !b.last && c.in.Buffered() == 0
	if b.written == nil {
		if keep {
			c.pool.put(c)
		} else {
			c.Close()
		}
		return nil
	}
	select {
	case unsent = <-b.written:
		if keep && unsent == nil {
			c.pool.put(c)
			return nil
		}
		c.Close()
	default: // answered before it was read
		c.Close()
		unsent = <-b.written
	}
	return unsent
}
