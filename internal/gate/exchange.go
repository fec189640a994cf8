package gate

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"tidegate/internal/dialect"
	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/rawjson"
	"tidegate/internal/route"
	"tidegate/internal/stream"
	"tidegate/internal/tenant"
)

// Incoming is a request as the surface hands it over.
type Incoming struct {
	Codec      dialect.Codec
	Method     string
	Path       string // route template
	Header     http.Header
	Credential string
	At         time.Time
}

// Exchange is one request with everything that becomes of it, from admission to its line in the books. It belongs to one
// goroutine. Whoever opens one defers Close.
type Exchange struct {
	ID  string
	Key *tenant.Key

	gate     *Gate
	state    *State // one snapshot for the whole exchange
	in       Incoming
	request  route.Request
	plan     *route.Plan
	attempts []*route.Attempt
	record   logs.Record
	bodies   *logs.Bodies // nil: not kept
	settle   sync.Once
	closed   bool // the books are: nothing is added any more
	settled  error
}

// Open admits a request: it takes the snapshot and finds out who calls. The error is an *llm.Error, and leaves no exchange.
func (g *Gate) Open(in Incoming) (*Exchange, error) {
	state := g.state.Load()
	if err := g.journal.Healthy(); err != nil {
		return nil, &llm.Error{
			Class: llm.Overloaded, Status: http.StatusServiceUnavailable, Code: "storage_unavailable", RetryAfter: 5 * time.Second,
			Message: "the gateway cannot keep its books right now and takes no requests until it can", Err: err,
		}
	}
	key, err := state.Keys.Admit(in.Credential, in.At)
	if err != nil {
		return nil, err
	}
	x := &Exchange{ID: newID(), Key: key, gate: g, state: state, in: in}
	x.record = logs.Record{
		ID: x.ID, At: in.At, Surface: in.Codec.Dialect(), Method: in.Method, Path: in.Path,
		Key: key.ID, Team: key.Team, User: key.User, Cache: "bypass",
	}
	keep := state.Bodies
	if key.Bodies != nil {
		keep = *key.Bodies
	}
	if keep && !strings.EqualFold(in.Header.Get("X-Tidegate-Log"), "off") {
		x.bodies = &logs.Bodies{}
	}
	x.labels()
	x.trace()
	g.open.Add(1)
	g.meter.Opened()
	return x, nil
}

// newID is a UUIDv7, so that ids sort by time.
func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New() // only the system's random source can fail, and then this panics
	}
	return id.String()
}

// labels reads what the caller says about the request in headers.
func (x *Exchange) labels() {
	get := func(name string) string {
		if v := x.in.Header["X-Tidegate-"+name]; len(v) > 0 {
			return bound(v[0])
		}
		return ""
	}
	r := &x.record
	r.Task, r.EndUser, r.Session = get("Task"), get("User"), get("Session")
	for tag := range strings.SplitSeq(get("Tags"), ",") {
		if tag = strings.TrimSpace(tag); tag != "" && len(r.Tags) < 32 {
			r.Tags = append(r.Tags, tag)
		}
	}
	if meta := x.in.Header["X-Tidegate-Metadata"]; len(meta) > 0 && len(meta[0]) <= 4096 {
		if v := jsontext.Value(meta[0]); v.Kind() == '{' && rawjson.Check(v) == nil {
			r.Metadata = v
		}
	}
}

// bound keeps labels to a length that indices and pages can bear, and to text.
func bound(s string) string { return strings.ToValidUTF8(s[:min(len(s), 256)], "�") }

// trace joins the caller's trace or begins one (W3C Trace Context, 2021-11-23).
func (x *Exchange) trace() {
	r := &x.record
	id, _ := uuid.Parse(x.ID)
	const hex = "0123456789abcdef"
	span := make([]byte, 0, 16)
	for _, b := range id[8:] { // the random half of the id
		span = append(span, hex[b>>4], hex[b&15])
	}
	r.Span = string(span)
	if v := x.in.Header["Traceparent"]; len(v) > 0 {
		if f := strings.Split(v[0], "-"); len(f) >= 4 && isHex(f[1], 32) && isHex(f[2], 16) {
			r.Trace, r.Parent = f[1], f[2]
			x.request.Trace = "00-" + f[1] + "-" + r.Span + "-" + f[3]
			return
		}
	}
	r.Trace = strings.ReplaceAll(x.ID, "-", "")
	x.request.Trace = "00-" + r.Trace + "-" + r.Span + "-00"
}

func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != ""
}

// Read takes the client's document. The error is an *llm.Error.
func (x *Exchange) Read(body []byte) error {
	x.record.BytesIn = int64(len(body))
	if x.bodies != nil {
		x.bodies.Request = body
		x.bodies.RequestHeader = visible(x.in.Header)
	}
	head, err := x.in.Codec.Head(body)
	if err != nil {
		return err
	}
	x.request.Codec, x.request.Body, x.request.Head, x.request.Header = x.in.Codec, body, head, x.in.Header
	r := &x.record
	r.Called, r.Stream = bound(head.Model), head.Stream
	if r.EndUser == "" {
		r.EndUser = bound(head.User)
	}
	if r.Task == "" {
		r.Task = bound(head.Task)
	}
	if r.Session == "" {
		r.Session = bound(head.Session)
	}
	return nil
}

// Asked adds what the surface has in the path and not in the document.
func (x *Exchange) Asked(model string, stream bool) {
	x.request.Head.Model, x.request.Head.Stream = model, stream
	x.record.Called, x.record.Stream = bound(model), stream
}

// Head is what the client asked for, after Read.
func (x *Exchange) Head() *llm.Head { return &x.request.Head }

// note takes an attempt into the books before it is made.
func (x *Exchange) note(a *route.Attempt) {
	x.attempts = append(x.attempts, a)
}

// Sent adds what goes to the client, for the log. keep is copied.
func (x *Exchange) Sent(keep []byte) {
	if x.closed || len(keep) == 0 {
		return
	}
	if x.record.FirstByte == 0 {
		x.record.FirstByte = x.gate.now().Sub(x.record.At)
	}
	x.record.BytesOut += int64(len(keep))
	if x.bodies == nil || x.bodies.Cut {
		return
	}
	if len(x.bodies.Response)+len(keep) > x.state.BodyLimit {
		keep, x.bodies.Cut = keep[:x.state.BodyLimit-len(x.bodies.Response)], true
	}
	x.bodies.Response = append(x.bodies.Response, keep...)
}

// SentWhole is Sent for an answer that is one piece and that nobody changes any more.
func (x *Exchange) SentWhole(body []byte) {
	if x.bodies != nil && len(body) <= x.state.BodyLimit {
		kept := x.bodies
		x.bodies = nil // only count
		x.Sent(body)
		x.bodies = kept
		x.bodies.Response = body
		return
	}
	x.Sent(body)
}

// unsettled is how an exchange ends that a panic ended.
var unsettled = &llm.Error{Class: llm.Internal, Code: "gateway_error", Message: "the gateway failed"}

// Close settles what was not settled and gives the exchange back. A panic on the way here has the exchange fail.
func (x *Exchange) Close() {
	if err := x.Settle(Outcome{Outcome: logs.Failed, Err: unsettled}); err != nil {
		x.gate.log.Error("an exchange could not be written to the books", "request", x.ID, "error", err)
	}
	x.gate.meter.Closed()
	x.gate.open.Done()
}

// Outcome is how an exchange ended, as its client saw it.
type Outcome struct {
	Outcome logs.Outcome
	Status  int
	Err     *llm.Error
	Header  http.Header // sent to the client
}

// Settle closes the books: one record with a ledger line per attempt, handed to the journal, which has it on disk when this
// returns. Only the first call counts. It is made before the client gets its last bytes, whatever they are, and nothing that
// happens to the client can cancel it.
func (x *Exchange) Settle(o Outcome) error {
	x.settle.Do(func() {
		x.closed = true
		r := &x.record
		r.Outcome, r.Status = o.Outcome, o.Status
		r.Total = x.gate.now().Sub(r.At)
		if o.Err != nil {
			r.Class, r.Code, r.Message = o.Err.Class.String(), o.Err.Code, o.Err.Message
			if r.Status == 0 {
				r.Status = o.Err.HTTPStatus()
			}
		}
		x.price(o)
		busy := time.Duration(0)
		for i := range r.Attempts {
			busy += r.Attempts[i].Total
		}
		if r.Overhead == 0 {
			r.Overhead = max(0, r.Total-busy)
		}
		if x.bodies != nil {
			x.bodies.ResponseHeader = visible(o.Header)
			r.Bodies = true
		}
		x.settled = x.gate.journal.Add(r, x.bodies)
		x.gate.meter.Settled(r)
	})
	return x.settled
}

// price writes the ledger lines.
func (x *Exchange) price(o Outcome) {
	r := &x.record
	r.Attempts = make([]logs.Attempt, len(x.attempts))
	for i, a := range x.attempts {
		line := &r.Attempts[i]
		if a.Total == 0 {
			a.Total = x.gate.now().Sub(a.At)
		}
		*line = logs.Attempt{
			N: i + 1, Provider: a.Target.Upstream.Name, Model: a.Target.Model, Credential: a.Credential,
			At: a.At, FirstByte: a.FirstByte, Total: a.Total, Status: a.Status, Sent: a.Sent,
		}
		err := a.Err
		if err == nil && i == len(x.attempts)-1 && o.Outcome != logs.OK {
			err = o.Err // it broke after it was committed
		}
		if err != nil {
			line.Class, line.Code, line.Message = err.Class.String(), err.Code, err.Message
		}
		line.Usage = x.usage(a)
		line.Cost = x.state.Prices.Cost(line.Provider, line.Model, a.At, &line.Usage)
	}
	if n := len(x.attempts); n > 0 {
		last := x.attempts[n-1]
		r.Provider, r.Model, r.Stop = last.Target.Upstream.Name, last.Target.Model, last.Tally.Stop.Reason
	}
}

// usage is what an attempt may have to be paid for. A request that never left, and one that was answered with an error
// status, cost nothing; one that left and was never answered may be billed, so its input is estimated (pitfall B4).
func (x *Exchange) usage(a *route.Attempt) llm.Usage {
	if !a.Sent || a.Status >= 300 {
		return llm.Usage{}
	}
	if a.Err != nil && a.Err.Dialect != "" && !a.Tally.Began { // the provider said that it failed: only what it reported counts
		return a.Tally.Usage(func() int64 { return 0 })
	}
	return a.Tally.Usage(x.inputTokens)
}

// inputTokens estimates the input from the text in it, since images and documents have nothing to do with their length.
func (x *Exchange) inputTokens() int64 {
	chat, err := x.request.Chat()
	if err != nil {
		return stream.Tokens(int64(len(x.request.Body)))
	}
	n := int64(0)
	for _, t := range chat.Tools {
		n += int64(len(t.Name) + len(t.Description) + len(t.Schema))
	}
	n += textBytes(chat.System)
	for _, m := range chat.Messages {
		n += textBytes(m.Parts)
	}
	return stream.Tokens(n)
}

func textBytes(parts []llm.Part) (n int64) {
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			n += int64(len(p.Text))
		case llm.Thought:
			n += int64(len(p.Text))
		case llm.Call:
			n += int64(len(p.Name) + len(p.Args))
		case llm.Result:
			n += textBytes(p.Parts)
		case llm.Media, llm.Opaque:
		}
	}
	return n
}

// Cost is what the exchange costs as far as it is known now.
func (x *Exchange) Cost() price.Cost {
	var few [2]logs.Attempt
	r := logs.Record{Attempts: few[:0]}
	for _, a := range x.attempts {
		u := x.usage(a)
		r.Attempts = append(r.Attempts, logs.Attempt{Cost: x.state.Prices.Cost(a.Target.Upstream.Name, a.Target.Model, a.At, &u)})
	}
	return r.Cost()
}
