package front

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"tidegate/internal/dialect"
	"tidegate/internal/gate"
	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/route"
)

// generate serves one surface's request for a reply. path reads what the surface has in the path.
func (f *Front) generate(surface llm.Dialect, template string, path func(*http.Request) (*asked, error)) http.HandlerFunc {
	codec, ok := dialect.For(surface)
	if !ok {
		panic("front: a surface without a codec")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		x, err := f.gate.Open(gate.Incoming{
			Codec: codec, Method: r.Method, Path: template, Header: r.Header, Credential: credential(r.Header), At: time.Now(),
		})
		if err != nil {
			e := llm.AsError(err)
			f.log.Info("refused", "path", template, "code", e.Code, "error", e.Err)
			writeError(w, codec, e)
			return
		}
		defer x.Close()
		e := &exchange{front: f, x: x, codec: codec, w: w}
		inPath, err := path(r)
		var body []byte
		if err == nil {
			body, err = f.body(w, r)
		}
		if err == nil {
			err = x.Read(body)
		}
		if err == nil && inPath != nil {
			x.Asked(inPath.model, inPath.stream)
		}
		if err != nil {
			e.fail(r.Context(), llm.AsError(err))
			return
		}
		if x.Head().Stream {
			e.stream = newStream(w, f.limits)
			e.enc = codec.NewStreamEncoder(dialect.StreamOptions{
				Usage: x.Head().Usage, ID: x.ID, Model: x.Head().Model, Now: time.Now().Unix(),
			})
			x.Header(w.Header(), nil) // what a first heartbeat would take along
			e.stream.keepAlive(e.enc.Ping(nil))
			defer e.stream.stop()
		}
		answer, err := f.gate.Do(r.Context(), x)
		if err != nil {
			e.fail(r.Context(), llm.AsError(err))
			return
		}
		defer answer.Close()
		if answer.Stream != nil && e.stream != nil {
			e.relay(r.Context(), answer)
			return
		}
		e.whole(answer)
	}
}

// exchange writes one exchange's answer.
type exchange struct {
	front  *Front
	x      *gate.Exchange
	codec  dialect.Codec
	w      http.ResponseWriter
	stream *stream               // nil unless a stream was asked for
	enc    dialect.StreamEncoder // likewise
}

// settle closes the books. That they could not be written is for the operator; the client has its answer by then.
func (e *exchange) settle(o gate.Outcome) {
	o.Header = e.w.Header()
	if err := e.x.Settle(o); err != nil {
		e.front.log.Error("an exchange could not be written to the books", "request", e.x.ID, "error", err)
	}
}

// whole writes an answer that came in one piece.
func (e *exchange) whole(answer *route.Answer) {
	h, body := e.w.Header(), answer.Body
	if !answer.Same {
		if answer.Reply.Created == 0 { // its dialect does not say
			answer.Reply.Created = time.Now().Unix()
		}
		encoded, losses, err := e.codec.EncodeReply(answer.Reply)
		if err != nil {
			e.fail(context.Background(), llm.AsError(err))
			return
		}
		body = encoded
		e.x.Lose(losses)
	}
	relayHeaders(h, answer.Header)
	h["Content-Type"] = []string{"application/json"}
	if t := answer.Header["Content-Type"]; answer.Same && len(t) > 0 {
		h["Content-Type"] = t
	}
	e.x.Header(h, answer)
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	e.x.SentWhole(body)
	e.settle(gate.Outcome{Outcome: logs.OK, Status: answer.Attempt.Status})
	e.w.WriteHeader(answer.Attempt.Status)
	_, _ = e.w.Write(body) // a client that left has lost its answer, not its record
}

// relay writes a stream, step by step. The books are closed before the last bytes go out.
func (e *exchange) relay(ctx context.Context, answer *route.Answer) {
	e.stream.head(func(h http.Header) {
		relayHeaders(h, answer.Header)
		e.x.Header(h, answer)
	})
	var buf []byte
	for step, err := range answer.Stream {
		if err != nil {
			answer.Close()
			e.broken(ctx, llm.AsError(err))
			return
		}
		buf = e.enc.Append(buf[:0], step, answer.Same)
		if len(buf) == 0 {
			continue
		}
		e.x.Sent(buf)
		if last(step) {
			e.finish() // but the answer is read to its end, or its connection could not be used again
		}
		if e.stream.write(buf, !step.More) != nil {
			answer.Close()
			e.settle(gate.Outcome{Outcome: logs.Canceled, Status: http.StatusOK, Err: left})
			return
		}
	}
	buf = buf[:0]
	if !answer.Same {
		buf = e.enc.Close(buf)
		e.x.Sent(buf)
	}
	answer.Close()
	e.finish()
	_ = e.stream.write(buf, true) // as in whole
}

var left = &llm.Error{Class: llm.Canceled, Code: "client_closed_request", Message: "the client closed the request"}

func (e *exchange) finish() {
	e.x.Lose(e.enc.Losses())
	e.settle(gate.Outcome{Outcome: logs.OK, Status: http.StatusOK})
}

func last(step llm.Step) bool {
	return len(step.Events) > 0 && step.Events[len(step.Events)-1].Kind == llm.Done
}

// fail tells the client of an error before any of the answer: with a status while that is still possible, else, after a
// heartbeat, inside the stream.
func (e *exchange) fail(ctx context.Context, err *llm.Error) {
	if e.departed(ctx, err) {
		return
	}
	if e.stream != nil && !e.stream.claim() {
		e.last(err, e.enc.Fail(nil, err))
		return
	}
	h := e.w.Header()
	e.x.Header(h, nil)
	body := errorBody(e.codec, err)
	e.x.Sent(body)
	e.settle(gate.Outcome{Outcome: logs.Failed, Status: err.HTTPStatus(), Err: err})
	sendError(e.w, err, body)
}

// broken tells the client of an error in the middle of its answer. What the upstream itself said of it is passed on to a client
// of its dialect. A stream whose upstream said nothing is cut off without its terminator, so that nobody takes the part for
// the whole (pitfall C1).
func (e *exchange) broken(ctx context.Context, err *llm.Error) {
	if e.departed(ctx, err) {
		return
	}
	if err.Dialect == e.codec.Dialect() && len(err.Raw) > 0 {
		e.last(err, err.Raw)
		return
	}
	e.last(err, e.enc.Fail(nil, err))
	if len(err.Raw) == 0 {
		e.stream.stop()
		panic(http.ErrAbortHandler)
	}
}

// last closes the books and sends the frames with which a stream ends badly.
func (e *exchange) last(err *llm.Error, frames []byte) {
	e.x.Sent(frames)
	e.settle(gate.Outcome{Outcome: logs.Truncated, Status: http.StatusOK, Err: err})
	_ = e.stream.write(frames, true) // as in whole
}

// departed tells whether there is nobody left to tell, and settles if so. A gateway that is stopping still has its clients.
func (e *exchange) departed(ctx context.Context, err *llm.Error) bool {
	if err.Class == llm.Internal {
		e.front.log.Error("internal error", "request", e.x.ID, "error", err)
	}
	_, stopping := errors.AsType[*llm.Error](context.Cause(ctx))
	if err.Class != llm.Canceled && (ctx.Err() == nil || stopping) {
		return false
	}
	e.settle(gate.Outcome{Outcome: logs.Canceled, Status: llm.Canceled.Status(), Err: err})
	return true
}
