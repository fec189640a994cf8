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
	length int64 // of the body as announced; -1: not said
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
	size := int64(2 << 10)
	if a.length >= 0 {
		size = min(a.length, 1<<20) // what is announced is not yet here
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
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
func (a *Answer) Close() {
	if !a.whole {
		a.watch.cancel(nil)
	}
	_ = a.body.Close() // an answer that is here is not undone by it
	a.watch.stop()
}

// watchdog bounds the phases of one call. Cancelling the context is what ends a phase; cause tells which bound it was. It has one
// timer, which is set for the nearest bound and looks, when it goes off, whether that has been put off meanwhile: so the events
// of a stream cost no work on timers.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	parent context.Context
	start  time.Time
	hooks  httptrace.ClientTrace
	sent   atomic.Bool  // something of the request may have left
	heard  atomic.Int64 // when the phase was renewed, since start
	begun  bool         // the first byte is here; the reader's

	mu     sync.Mutex
	timer  *time.Timer // nil: nothing is bounded
	phase  expired     // the first byte, then silence
	length time.Duration
	idle   time.Duration
	total  time.Duration
}

// expired is the cause of a timeout: the name of the bound that was reached.
type expired string

func (e expired) Error() string { return string(e) + " timeout" }

func watch(parent context.Context, t llm.Timeouts) *watchdog {
	w := &watchdog{parent: parent, start: time.Now(), phase: "first_byte", length: t.FirstByte, idle: t.Idle, total: t.Total}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.hooks.WroteHeaders = func() { w.sent.Store(true) }
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arm()
	return w
}

// traced is the context of the request.
func (w *watchdog) traced() context.Context { return httptrace.WithClientTrace(w.ctx, &w.hooks) }

// nearest is the bound that is reached first if nothing more is heard, and when that is, since start; 0 for never.
func (w *watchdog) nearest() (expired, time.Duration) {
	end := time.Duration(w.heard.Load()) + w.length
	if w.total > 0 && (w.length == 0 || w.total < end) {
		return "total", w.total
	}
	if w.length == 0 {
		return "", 0
	}
	return w.phase, end
}

// arm sets the timer. The caller holds the lock.
func (w *watchdog) arm() {
	_, end := w.nearest()
	switch left := end - time.Since(w.start); {
	case end == 0:
	case w.timer == nil:
		w.timer = time.AfterFunc(left, w.check)
	default:
		w.timer.Reset(left)
	}
}

// check ends the call, or sets the timer anew.
func (w *watchdog) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return
	}
	if which, end := w.nearest(); end == 0 || time.Since(w.start) < end {
		w.arm()
	} else {
		w.cancel(which)
	}
}

// beat renews the idle timeout. The first one ends the wait for the first byte: a head alone is no answer yet, since providers
// send it before they think.
func (w *watchdog) beat() {
	w.heard.Store(int64(time.Since(w.start)))
	if !w.begun {
		w.begun = true
		w.enter("idle", w.idle)
	}
}

// linger bounds silence by d from now on.
func (w *watchdog) linger(d time.Duration) {
	w.heard.Store(int64(time.Since(w.start)))
	w.enter("idle", d)
}

func (w *watchdog) enter(phase expired, length time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase, w.length = phase, length
	w.arm()
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancel(nil)
	if w.timer != nil {
		w.timer.Stop()
	}
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
