package fake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
)

// RoundTrip serves a request in process, without a connection. Events arrive one by one, closing the body or ending the
// request's context is a client that goes away, and a dropped connection is an [io.ErrUnexpectedEOF].
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders() // in process, what is asked for has arrived
	}
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	pr, pw := io.Pipe()
	unblock := context.AfterFunc(ctx, func() { pw.CloseWithError(context.Cause(ctx)) })
	w := &pipeWriter{header: http.Header{}, pipe: pw, started: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer in.Body.Close()
		w.end(ctx, w.serve(s, in))
	}()
	release := func() {
		cancel()
		<-done
		unblock()
	}
	select {
	case <-w.started:
	case <-done:
	case <-ctx.Done():
		release()
		return nil, context.Cause(ctx)
	}
	if w.status == 0 { // over without an answer
		release()
		return nil, w.err
	}
	resp := &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1, Header: w.sent, ContentLength: -1, Request: r, Body: &pipeBody{pr, release},
	}
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	return resp, nil
}

// pipeWriter is the handler's side of an exchange in process.
type pipeWriter struct {
	header  http.Header
	pipe    *io.PipeWriter
	started chan struct{} // closed when status and sent are set

	status int
	sent   http.Header
	err    error
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.started)
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush does nothing: what is written is already with the reader.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// serve runs the handler. An abort, which a handler says by a panic, is an error.
func (w *pipeWriter) serve(s *Server, r *http.Request) (err error) {
	defer func() {
		p := recover()
		if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	s.ServeHTTP(w, r)
	return nil
}

// end lets the reader have what is left and then how it ended. A handler that returns once the client is gone gave up on it.
func (w *pipeWriter) end(ctx context.Context, err error) {
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil && w.status == 0 {
		err = io.ErrUnexpectedEOF
	}
	w.err = err
	w.pipe.CloseWithError(err)
}

// pipeBody ends the exchange when it is closed.
type pipeBody struct {
	*io.PipeReader
	release func()
}

func (b *pipeBody) Close() error {
	err := b.PipeReader.Close()
	b.release()
	return err
}
