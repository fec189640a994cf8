// Package sse reads server-sent events (WHATWG HTML §9.2, 2026-11) without losing a byte: every frame keeps the bytes it came
// in, so that a proxy can pass them on untouched, and an event may be as large as the limit allows.
//
// It knows nothing of what the events mean.
package sse

// Frame is one block of lines up to and including the blank line that ends it. A block of comments alone has no Data. All
// slices are valid until the next frame.
type Frame struct {
	Raw   []byte // as it came; the Raws of a stream, joined, are the stream
	Event []byte // the event field; nil when absent
	Data  []byte // the data lines, joined by \n; nil when there was none
}
