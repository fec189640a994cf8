package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"tidegate/internal/llm"
)

// Answer is an upstream's answer, of any status. Reading it fails with an *llm.Error.
type Answer struct {
	Status int
	Header http.Header
	body   io.ReadCloser
	watch  *watchdog
	whole  bool
}

// Read reads the body. Every read renews the idle timeout.
func (a *Answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if n > 0 {
		a.watch.beat()
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		a.whole = true
		return n, io.EOF
	}
	return n, a.watch.fail(err, true)
}

// Linger bounds the wait for the end of a connection whose answer is already whole.
func (a *Answer) Linger(d time.Duration) { a.watch.linger(d) }

// ReadAll reads a body of at most limit bytes; a larger one is an *llm.Error.
func (a *Answer) ReadAll(limit int64) ([]byte, error) {
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(a, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, &llm.Error{Class: llm.Network, Code: "upstream_too_large", Message: "the provider's answer is larger than the limit", Sent: true}
	}
	return buf.Bytes(), nil
}

// Close ends the call. An answer that was not read to its end is cut off, so that the upstream stops working on it.
func (a *Answer) Close() error {
	if !a.whole {
		a.watch.cancel(nil)
	}
	err := a.body.Close()
	a.watch.stop()
	return err
}

// watchdog bounds the phases of one call. Cancelling the context is what ends the phase; cause tells which bound it was.
type watchdog struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	parent   context.Context
	timeouts llm.Timeouts
	total    *time.Timer
	mu       sync.Mutex
	phase    *time.Timer // of the first byte, then of silence
	begun    bool        // the first byte is here
}

// expired is the cause of a timeout: the name of the bound that was reached.
type expired string

func (e expired) Error() string { return string(e) + " timeout" }

func watch(parent context.Context, t llm.Timeouts) *watchdog {
	w := &watchdog{parent: parent, timeouts: t}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	if t.Total > 0 {
		w.total = time.AfterFunc(t.Total, func() { w.cancel(expired("total")) })
	}
	if t.FirstByte > 0 {
		w.phase = time.AfterFunc(t.FirstByte, func() { w.cancel(expired("first_byte")) })
	}
	return w
}

// trace notes in sent when the first byte of the request may have left.
func (w *watchdog) trace(sent *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(w.ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	})
}

// beat renews the idle timeout. The first one ends the wait for the first byte: a head alone is no answer yet, since providers
// send it before they think.
func (w *watchdog) beat() {
	if w.begun {
		if w.phase != nil {
			w.phase.Reset(w.timeouts.Idle)
		}
		return
	}
	w.begun = true
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase != nil {
		w.phase.Stop()
		w.phase = nil
	}
	if w.timeouts.Idle > 0 {
		w.phase = time.AfterFunc(w.timeouts.Idle, func() { w.cancel(expired("idle")) })
	}
}

func (w *watchdog) linger(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase != nil {
		w.phase.Stop()
	}
	w.timeouts.Idle = d
	w.phase = time.AfterFunc(d, func() { w.cancel(expired("idle")) })
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range []*time.Timer{w.total, w.phase} {
		if t != nil {
			t.Stop()
		}
	}
	w.cancel(nil)
}

// fail says what went wrong without the text of the Go error, which would name addresses.
func (w *watchdog) fail(err error, sent bool) *llm.Error {
	if e, ok := errors.AsType[expired](context.Cause(w.ctx)); ok {
		return timeout(string(e), sent, err)
	}
	if w.parent.Err() != nil {
		if e, ok := errors.AsType[*llm.Error](context.Cause(w.parent)); ok { // the gateway itself gave up, and says why
			ended := *e
			ended.Sent = sent
			return &ended
		}
		return &llm.Error{Class: llm.Canceled, Code: "client_closed_request", Message: "the client closed the request", Sent: sent, Err: err}
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return timeout("connect", sent, err)
	}
	e := &llm.Error{Class: llm.Network, Sent: sent, Err: err}
	switch {
	case !sent:
		e.Code, e.Message = "upstream_unreachable", "the provider could not be reached"
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Code, e.Message = "upstream_truncated", "the provider's answer broke off"
	default:
		e.Code, e.Message = "upstream_disconnected", "the connection to the provider broke"
	}
	return e
}

func timeout(which string, sent bool, err error) *llm.Error {
	message := map[string]string{
		"connect":    "connecting to the provider took too long",
		"first_byte": "the provider did not begin to answer in time",
		"idle":       "the provider fell silent in the middle of its answer",
		"total":      "the provider did not finish in time",
	}[which]
	return &llm.Error{Class: llm.Timeout, Code: which + "_timeout", Message: message, Sent: sent && which != "connect", Err: err}
}
