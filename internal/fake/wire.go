package fake

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// early does what happens before an answer is composed: waiting, failing, and answers that are none. It reports whether the
// exchange is over.
func (x *exchange) early(model string, sc *script) (done bool, f *fault) {
	if sc.latency > 0 && !wait(x.r.Context(), sc.latency) {
		return true, nil
	}
	if sc.fail != nil && x.fails(model, sc.fail) {
		f := sc.fail.fault
		if f.leak {
			f.msg = "The request with the key " + x.key + " failed."
		}
		return true, &f
	}
	h := x.w.Header()
	switch {
	case sc.hang:
		<-x.r.Context().Done()
		return true, nil
	case sc.redirect:
		h.Set("Location", "http://169.254.169.254/latest/meta-data/")
		x.answer(http.StatusTemporaryRedirect)
		return true, nil
	case sc.html:
		h.Set("Content-Type", "text/html; charset=utf-8")
		x.buf = append(x.buf[:0], "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>\n"...)
		x.answer(http.StatusOK)
		return true, nil
	}
	return false, nil
}

// wait reports false when the client went away meanwhile.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// whole sends an answer in one piece.
func (x *exchange) whole(a *ask, sc *script, p *reply) {
	if sc.errorAfter >= 0 {
		f := sc.errorFault.said(x.dialect)
		x.wholeBody(sc, func(dst []byte) []byte { return x.dialect.fault(dst, f, x.id) })
		return
	}
	x.wholeBody(sc, func(dst []byte) []byte { return x.dialect.whole(dst, a, p) })
}

func (x *exchange) wholeBody(sc *script, render func([]byte) []byte) {
	x.dialect.head(x.w.Header(), x.id)
	x.w.Header()["Content-Type"] = jsonType
	x.buf = render(x.buf[:0])
	switch {
	case sc.empty == "body":
		x.buf = x.buf[:0]
	case sc.truncate:
		x.buf = x.buf[:len(x.buf)/2]
	case sc.badAfter >= 0:
		x.buf = append(x.buf[:len(x.buf)-1], `,]`...)
	}
	if x.zips(sc) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(x.buf)
		_ = w.Close()
		x.buf = z.Bytes()
	}
	if sc.firstByte == 0 && sc.cutAfter < 0 {
		x.answer(http.StatusOK)
		return
	}
	x.late(sc)
}

// late sends the headers first, and then the body, or half of it.
func (x *exchange) late(sc *script) {
	body := x.buf
	x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	o := x.open(sc)
	defer o.close()
	if sc.firstByte > 0 && (!o.flush() || !wait(x.r.Context(), sc.firstByte)) {
		return
	}
	if sc.cutAfter < 0 {
		o.raw(body)
		return
	}
	if o.raw(body[:len(body)/2]) && o.flush() {
		x.drop(cmp.Or(strings.TrimPrefix(sc.cutHow, "clean"), "fin"), nil)
	}
}

func (x *exchange) zips(sc *script) bool {
	if !sc.gzip || !strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	x.w.Header().Set("Content-Encoding", "gzip")
	return true
}

// out is the way to the client once the status is sent.
type out struct {
	x      *exchange
	sc     *script
	flush_ http.Flusher
	zip    *gzip.Writer
	events int
	bytes  int
}

func (x *exchange) open(sc *script) *out {
	o := &out{x: x, sc: sc}
	o.flush_, _ = x.w.(http.Flusher)
	x.w.WriteHeader(http.StatusOK)
	x.wrote(http.StatusOK, 0, 0)
	return o
}

func (o *out) close() {
	if o.zip != nil {
		_ = o.zip.Close()
	}
	o.x.wrote(http.StatusOK, o.bytes, o.events)
}

func (o *out) flush() bool {
	if o.flush_ != nil {
		o.flush_.Flush()
	}
	return o.x.r.Context().Err() == nil
}

// raw writes b, in pieces where the script wants that.
func (o *out) raw(b []byte) bool {
	size := cmp.Or(o.sc.split, len(b))
	for len(b) > 0 {
		n := min(size, len(b))
		if _, err := o.write(b[:n]); err != nil {
			return false
		}
		o.bytes += n
		if b = b[n:]; len(b) > 0 && !o.flush() {
			return false
		}
	}
	return true
}

func (o *out) write(b []byte) (int, error) {
	if o.zip == nil {
		return o.x.w.Write(b)
	}
	n, err := o.zip.Write(b)
	if err == nil {
		err = o.zip.Flush()
	}
	return n, err
}

// event writes one event and flushes it.
func (o *out) event(b []byte) bool {
	if o.sc.crlf {
		b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	if !o.raw(b) || !o.flush() {
		return false
	}
	o.events++
	if o.x.rec != nil {
		o.x.wrote(http.StatusOK, o.bytes, o.events)
	}
	return true
}

// stream sends an answer as events, with the faults that the script wants among them.
func (x *exchange) stream(a *ask, sc *script, p *reply) {
	h := x.w.Header()
	x.dialect.head(h, x.id)
	h["Content-Type"] = x.dialect.eventType(a)
	h["Cache-Control"] = noCache
	zips := x.zips(sc)
	o := x.open(sc)
	defer o.close()
	if zips {
		o.zip = gzip.NewWriter(x.w)
	}
	if !o.flush() || sc.empty == "body" {
		return
	}
	if sc.firstByte > 0 && !wait(x.r.Context(), sc.firstByte) {
		return
	}
	if sc.comments && !a.array && !o.raw([]byte(": PROCESSING\n\n: PROCESSING\n\n")) {
		return
	}
	start := time.Now()
	i := 0
	for ev := range x.dialect.events(a, p) {
		if i > 0 && sc.gap > 0 {
			if d := time.Until(start.Add(time.Duration(i) * sc.gap)); d > 0 && !wait(x.r.Context(), d) {
				return
			}
		}
		if !o.fault(a, p, ev, i) || !o.event(ev) {
			return
		}
		i++
	}
}

var noCache = []string{"no-cache"}

// fault does what the script wants before the i-th event ev. It reports whether the stream goes on.
func (o *out) fault(a *ask, p *reply, ev []byte, i int) bool {
	x, sc := o.x, o.sc
	switch i {
	case sc.cutAfter:
		if sc.cutHow != "clean" {
			x.drop(sc.cutHow, ev)
		}
		return false
	case sc.errorAfter:
		f := sc.errorFault.said(x.dialect)
		o.event(x.dialect.faultEvent(nil, a, p, f, i))
		return false
	case sc.stallAfter:
		start := time.Now()
		if sc.stallFor == 0 {
			<-x.r.Context().Done()
			return false
		}
		return wait(x.r.Context(), sc.stallFor-time.Since(start))
	case sc.badAfter:
		return o.event(broken(ev))
	}
	if sc.truncate && i == 2 {
		o.raw(ev[:len(ev)/2])
		o.flush()
		return false
	}
	return true
}

// broken is the event with its JSON cut short.
func broken(ev []byte) []byte {
	body := bytes.TrimRight(ev, "\r\n")
	tail := ev[len(body):]
	if len(tail) == 0 {
		return append(bytes.Clone(body[:len(body)/2]), `"`...)
	}
	return append(bytes.Clone(body[:len(body)-len(body)/4]), tail...)
}

// drop breaks the connection: by a reset, by closing it inside a chunk, or by closing it between chunks. Where there is no
// connection to take over, the server is told to abort, which amounts to the last.
func (x *exchange) drop(how string, next []byte) {
	x.finish()
	if how == "nolastchunk" {
		panic(http.ErrAbortHandler)
	}
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	if how == "rst" {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return
	}
	_ = rw.Flush()
	if len(next) > 0 {
		_, _ = conn.Write(append([]byte("ffff\r\n"), next[:len(next)/2]...))
	}
}
