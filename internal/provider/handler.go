package provider

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// Handler is a transport to an http.Handler in the same process: no sockets, and streams flow as they are written.
func Handler(h http.Handler) http.RoundTripper { return handlerTransport{h} }

type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.RequestURI = in.URL.RequestURI()
	in.RemoteAddr = "in-process"
	r, w := io.Pipe()
	rec := &pipeWriter{header: http.Header{}, pipe: w, started: make(chan struct{})}
	go func() {
		defer func() {
			// The handler speaks of a dropped connection by panicking with ErrAbortHandler, as net/http has it.
			if p := recover(); p != nil {
				rec.start(http.StatusInternalServerError)
				w.CloseWithError(io.ErrUnexpectedEOF)
				return
			}
			rec.start(http.StatusOK)
			w.Close()
		}()
		t.handler.ServeHTTP(rec, in)
	}()
	select {
	case <-rec.started:
	case <-ctx.Done():
		cancel()
		r.CloseWithError(ctx.Err())
		return nil, ctx.Err()
	}
	stop := context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	return &http.Response{
		StatusCode: rec.status, Status: http.StatusText(rec.status), Header: rec.sent, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Body: &pipeBody{r, func() { stop(); cancel() }},
	}, nil
}

type pipeBody struct {
	*io.PipeReader
	done func()
}

func (b *pipeBody) Close() error {
	defer b.done()
	return b.PipeReader.Close()
}

type pipeWriter struct {
	header  http.Header
	sent    http.Header // as it was when the head went out
	status  int
	pipe    *io.PipeWriter
	once    sync.Once
	started chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) { w.start(status) }

func (w *pipeWriter) start(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.start(http.StatusOK)
	return w.pipe.Write(p)
}

// Flush has nothing to do: what is written is read at once.
func (w *pipeWriter) Flush() { w.start(http.StatusOK) }
