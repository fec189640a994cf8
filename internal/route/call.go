package route

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
	"tidegate/internal/provider"
	"tidegate/internal/rawjson"
	"tidegate/internal/stream"
)

// Request is what the client asked, in its dialect. It belongs to one exchange.
type Request struct {
	Codec  dialect.Codec
	Body   []byte // accepted by Codec.Head
	Head   llm.Head
	Header http.Header
	Trace  string // traceparent to send on

	chat *llm.Chat // Body decoded, once somebody needed it
}

// Chat is the request in the neutral model.
func (r *Request) Chat() (*llm.Chat, error) {
	if r.chat == nil {
		chat, err := r.Codec.DecodeRequest(r.Body)
		if err != nil {
			return nil, err
		}
		chat.Model, chat.Stream = r.Head.Model, r.Head.Stream
		r.chat = chat
	}
	return r.chat, nil
}

// Attempt is one call of one target. It is filled while the call goes on, and complete once the answer is closed.
type Attempt struct {
	Target     *Target
	Credential string // its label
	At         time.Time
	FirstByte  time.Duration // to the head of the answer
	Total      time.Duration
	Status     int
	Sent       bool
	Err        *llm.Error
	Losses     []llm.Loss
	Upstream   []byte // the request as it was sent, when it was translated
	Tally      stream.Tally
}

// Answer is what the target said, committed: nothing else will be tried any more.
type Answer struct {
	Attempt *Attempt
	Header  http.Header
	Same    bool       // the target speaks the client's dialect
	Body    []byte     // the whole answer as it came; nil for a stream
	Reply   *llm.Reply // the same, decoded
	Stream  llm.Stream // nil for a whole answer
	close   func()
}

// Close ends the upstream call. It is safe to call twice.
func (a *Answer) Close() {
	if a.close != nil {
		a.close()
		a.close = nil
	}
}

// Caller makes the attempts. Limit bounds whole answers in bytes.
type Caller struct {
	Limit  int64
	Now    func() time.Time
	Pause  func(context.Context, time.Duration) error
	Jitter func() float64
}

// NewCaller makes a caller on real time.
func NewCaller(limit int64) *Caller {
	return &Caller{Limit: limit, Now: time.Now, Pause: pause, Jitter: rand.Float64}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Call tries the plan's targets until one answers with something that a caller would miss, and returns that. Every attempt is
// told to note before it is made, so that whoever keeps the books has it whatever happens. The error is the *llm.Error of
// the attempt that says most.
func (c *Caller) Call(ctx context.Context, plan *Plan, req *Request, note func(*Attempt)) (*Answer, error) {
	var (
		last  *llm.Error
		at    = 0 // target
		tries = 0 // at this target
		keys  = 0 // of this target that were tried
	)
	for made := 0; made < plan.Attempts && at < len(plan.Targets); {
		target := &plan.Targets[at]
		answer, err := c.attempt(ctx, plan, target, req, note)
		if err == nil {
			return answer, nil
		}
		if last == nil || err.Class != llm.Unsupported {
			last = err
		}
		if err.Class != llm.Unsupported || err.Dialect != "" { // our own refusal to translate costs nobody anything
			made++
			tries++
		}
		switch more := at+1 < len(plan.Targets); {
		case ctx.Err() != nil:
			return nil, canceled(ctx, last)
		case policy[err.Class].otherKey && keys+1 < len(target.Upstream.Credentials):
			keys++
		case more && policy[err.Class].next:
			next := c.next(plan, at, err)
			if next == at {
				return nil, last
			}
			at, tries, keys = next, 0, 0
		default:
			d, again := retriable(err, tries, c.Jitter())
			if !again || made >= plan.Attempts {
				return nil, last
			}
			if c.Pause(ctx, d) != nil {
				return nil, canceled(ctx, last)
			}
		}
	}
	return nil, last
}

// next is the index of the target to try after a failure at target at; at itself when there is none.
func (c *Caller) next(plan *Plan, at int, err *llm.Error) int {
	if !policy[err.Class].larger {
		return at + 1
	}
	for i := at + 1; i < len(plan.Targets); i++ {
		if plan.Targets[i].Window > plan.Targets[at].Window {
			return i
		}
	}
	return at
}

func canceled(ctx context.Context, last *llm.Error) *llm.Error {
	sent := last != nil && last.Sent
	if e, ok := errors.AsType[*llm.Error](context.Cause(ctx)); ok { // the gateway itself gave up, and says why
		ended := *e
		ended.Sent = sent
		return &ended
	}
	return &llm.Error{Class: llm.Canceled, Code: "client_closed_request", Message: "the client closed the request", Sent: sent, Err: context.Cause(ctx)}
}

func (c *Caller) attempt(ctx context.Context, plan *Plan, target *Target, req *Request, note func(*Attempt)) (*Answer, *llm.Error) {
	body, losses, err := c.encode(plan, target, req)
	if err != nil {
		return nil, llm.AsError(err)
	}
	path, err := target.Codec.Path(target.Model, req.Head.Stream)
	if err != nil {
		return nil, llm.AsError(err)
	}
	cred := target.Upstream.Credential()
	a := &Attempt{Target: target, Credential: cred.Label, At: c.Now(), Losses: losses}
	same := target.Codec.Dialect() == req.Codec.Dialect()
	if !same {
		a.Upstream = body
	}
	note(a)
	resp, err := target.Upstream.Do(ctx, provider.Call{
		Path: path, Body: body, Stream: req.Head.Stream, Header: req.Header, Trace: req.Trace, Credential: cred, Timeouts: target.Timeouts,
	})
	if err != nil {
		return nil, c.fail(a, llm.AsError(err))
	}
	a.Sent, a.Status, a.FirstByte = true, resp.Status, c.Now().Sub(a.At)
	answer := &Answer{Attempt: a, Header: resp.Header, Same: same}
	last := target == &plan.Targets[len(plan.Targets)-1]
	if err := c.read(answer, resp, req, last); err != nil {
		resp.Close()
		return nil, c.fail(a, err)
	}
	return answer, nil
}

// fail completes a failed attempt. Some upstreams repeat the key that they refuse: it is taken out of whatever they said.
func (c *Caller) fail(a *Attempt, err *llm.Error) *llm.Error {
	a.Target.Upstream.Redact(err)
	a.Err, a.Sent, a.Total = err, a.Sent || err.Sent, c.Now().Sub(a.At)
	return err
}

// encode makes the upstream's request: the client's bytes with edits where the dialects agree, else a translation.
func (c *Caller) encode(plan *Plan, target *Target, req *Request) (body []byte, losses []llm.Loss, err error) {
	to := target.Upstream.Target(target.Model)
	if target.Codec.Dialect() == req.Codec.Dialect() {
		body, err = req.Codec.Patch(req.Body, &req.Head, to)
	} else {
		var chat *llm.Chat
		if chat, err = req.Chat(); err != nil {
			return nil, nil, err
		}
		body, losses, err = target.Codec.EncodeRequest(chat, to)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, l := range losses {
		if l.Grave && !plan.AllowLoss {
			return nil, nil, &llm.Error{
				Class: llm.Unsupported, Status: http.StatusBadRequest, Code: "unsupported_parameter", Param: l.Path,
				Message: l.Path + " cannot be sent to " + target.String() + ": " + l.Why + " (on_loss: allow sends the request without it)",
			}
		}
	}
	if len(target.Upstream.Extra) > 0 {
		body, err = merge(body, target.Upstream.Extra)
	}
	return body, losses, err
}

func merge(body, extra []byte) ([]byte, error) {
	var edits []rawjson.Edit
	err := rawjson.Object(extra, func(name, value []byte) bool {
		edits = append(edits, rawjson.Edit{Name: string(name), Value: value})
		return true
	})
	if err != nil {
		return nil, err
	}
	return rawjson.Patch(body, edits...)
}

// read takes the answer to the point of no return: its end, or, in a stream, the first content. The last target's answer is
// taken even if it is empty: it is all that there is.
func (c *Caller) read(answer *Answer, resp *provider.Answer, req *Request, last bool) *llm.Error {
	a := answer.Attempt
	codec := a.Target.Codec
	if req.Head.Stream && resp.Status < 300 && isEventStream(resp.Header) {
		s := newSource(codec.NewStreamDecoder(a.Target.Upstream.Target(a.Target.Model)), answer, resp)
		if err := s.commit(last); err != nil {
			return llm.AsError(err)
		}
		answer.Stream = func(yield func(llm.Step, error) bool) {
			for {
				step, err, ok := s.next()
				if !ok || !yield(step, err) || err != nil {
					return
				}
			}
		}
		answer.close = func() { resp.Close(); a.Total = c.Now().Sub(a.At) }
		return nil
	}
	body, err := resp.ReadAll(c.Limit)
	if err != nil {
		return llm.AsError(err)
	}
	if resp.Status >= 300 {
		e := codec.DecodeError(resp.Status, resp.Header, body)
		e.Sent, e.Header = true, resp.Header
		return e
	}
	reply, err := codec.DecodeReply(body, a.Target.Upstream.Target(a.Target.Model))
	if err != nil {
		return llm.AsError(err)
	}
	for ev := range stream.Each(reply) {
		a.Tally.Add(ev)
	}
	if !last && empty(reply) {
		return errEmpty()
	}
	answer.Body, answer.Reply = body, reply
	if req.Head.Stream { // the provider answered whole although a stream was asked for
		answer.Body, answer.Stream = nil, stream.FromReply(reply)
	}
	answer.close = func() { resp.Close() }
	a.Total = c.Now().Sub(a.At)
	return nil
}

// empty tells of an answer that neither says anything nor says why.
func empty(r *llm.Reply) bool {
	for _, c := range r.Choices {
		if len(c.Parts) > 0 || c.Stop.Reason != llm.StopNone {
			return false
		}
	}
	return true
}

// isEventStream: some servers send no or a wrong type with a stream, but none sends JSON's with one.
func isEventStream(h http.Header) bool {
	t := strings.ToLower(h.Get("Content-Type"))
	return !strings.Contains(t, "json") && !strings.Contains(t, "html")
}
