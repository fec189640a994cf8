// Package fake is a scripted upstream: it plays the OpenAI, Anthropic and Gemini APIs, and the model name of a request says
// what happens to it, from a plausible answer to a connection that dies in the middle of an event.
//
// It serves as the command tidegate fake, as the provider demo (in process, see [Server.RoundTrip]), and as the upstream of
// tests and benchmarks. It stands on the other side of the wire from the gateway and shares no code with it, so that a
// mistake in a codec cannot cancel itself out: each dialect is read and written here a second time, and requests are held to
// the vendors' rules (tool results that fit their calls, required headers, thinking that comes back unchanged).
package fake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a server behaves; the zero value asks for a key and records what it receives.
type Options struct {
	// Open serves requests without a key.
	Open bool
	// Default is the scenario of model names that name none, "chat" for example. "" refuses them as a vendor refuses a model
	// that it does not have.
	Default string
	// Deployment names the secret behind thinking signatures, encrypted reasoning and response ids. Servers of different
	// deployments refuse each other's.
	Deployment string
	// NoRecord switches the list of received requests off, for benchmarks.
	NoRecord bool
}

// Server is the scripted upstream, an [http.Handler] and an [http.RoundTripper]. It is safe for concurrent use.
type Server struct {
	opt  Options
	salt uint64
	seq  atomic.Uint64

	mu   sync.Mutex
	hits map[string]int // by model name and key, for fail:times and fail:every
	ring ring
}

// New returns a server that has received nothing yet.
func New(o Options) *Server {
	return &Server{opt: o, salt: rand.Uint64(), hits: map[string]int{}}
}

const (
	maxBody = 64 << 20 // bytes of a request
	maxHits = 10_000   // counters of fail:times
)

// ServeHTTP answers one request. A scenario that breaks the connection panics with [http.ErrAbortHandler] where the
// connection cannot be taken over.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/_fake/"); ok {
		s.admin(w, r, rest)
		return
	}
	op, model, ok := route(r)
	if !ok {
		notFound(w, r)
		return
	}
	mem := buffers.Get().(*memory)
	defer mem.release()
	x := &exchange{server: s, w: w, r: r, dialect: op.dialect, key: op.dialect.credential(r.Header), id: s.newID(), received: time.Now(), buf: mem.out[:0]}
	defer func() { mem.out = x.buf }()
	body, err := mem.read(r)
	defer x.record(body)()
	if err != nil {
		x.refuse(err)
		return
	}
	if err := x.admit(model); err != nil {
		x.refuse(err)
		return
	}
	if err := op.serve(x, model, body); err != nil {
		x.refuse(err)
	}
}

// memory is what a request and its answer need, used again and again.
type memory struct {
	in  bytes.Buffer
	out []byte
}

var buffers = sync.Pool{New: func() any { return new(memory) }}

// release gives the memory back, unless it has grown beyond what is common.
func (m *memory) release() {
	if m.in.Cap() > 1<<20 || cap(m.out) > 1<<20 {
		return
	}
	m.in.Reset()
	buffers.Put(m)
}

func (m *memory) read(r *http.Request) ([]byte, *fault) {
	if n := r.ContentLength; n > 0 && n <= maxBody {
		m.in.Grow(int(n) + bytes.MinRead)
	}
	_, err := m.in.ReadFrom(http.MaxBytesReader(nil, r.Body, maxBody))
	if too := (*http.MaxBytesError)(nil); errors.As(err, &too) {
		return m.in.Bytes(), &fault{status: http.StatusRequestEntityTooLarge, msg: "The request is larger than 64 MiB."}
	}
	if err != nil {
		return m.in.Bytes(), &fault{status: http.StatusBadRequest, msg: "The request body could not be read."}
	}
	return m.in.Bytes(), nil
}

// exchange is one request on its way to an answer.
type exchange struct {
	server   *Server
	w        http.ResponseWriter
	r        *http.Request
	dialect  dialect
	key      string // the credential as it came
	id       string
	received time.Time
	rec      *Request // nil when not recorded
	buf      []byte   // the answer is rendered here
}

// admit looks at what precedes the body: method, key, required headers.
func (x *exchange) admit(model string) *fault {
	if x.key == "" && !x.server.opt.Open {
		return &fault{why: whyNoKey}
	}
	return x.dialect.admit(x.r)
}

// refuse writes f in the dialect's own shape.
func (x *exchange) refuse(f *fault) {
	f = f.said(x.dialect)
	h := x.w.Header()
	x.dialect.head(h, x.id)
	h["Content-Type"] = jsonType
	f.headers(h, x.dialect)
	x.buf = x.dialect.fault(x.buf[:0], f, x.id)
	x.answer(f.status)
}

// answer writes the rendered body with its length.
func (x *exchange) answer(status int) {
	x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(x.buf))}
	x.w.WriteHeader(status)
	x.wrote(status, len(x.buf), 0)
	_, _ = x.w.Write(x.buf)
}

// script reads the scenario in a model's name.
func (x *exchange) script(model string) (*script, *fault) {
	sc, err := parse(model)
	if errors.Is(err, errUnknown) && x.server.opt.Default != "" {
		sc, err = parse(x.server.opt.Default)
	}
	if err == nil {
		return sc, nil
	}
	return nil, &fault{why: whyNoModel, param: model, msg: fmt.Sprintf(
		"%v. The model name is a scenario, or several joined by +: %s", err, strings.Join(names(), ", "))}
}

// fails counts a request of this model and key, and reports whether the script wants it to fail.
func (x *exchange) fails(model string, f *failure) bool {
	if f.times == 0 && f.every == 0 {
		return true
	}
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.hits) >= maxHits {
		clear(s.hits)
	}
	k := model + "\x00" + fingerprint(x.key)
	s.hits[k]++
	n := s.hits[k]
	return n <= f.times || f.every > 0 && n%f.every == 0
}

// generate is the operation behind every chat-like endpoint.
func generate(x *exchange, model string, body []byte) *fault {
	a, err := x.dialect.read(x.server, x.r, body)
	if err != nil {
		return err
	}
	if a.model = cmp.Or(model, a.model); a.model == "" {
		return bad("model", "model: Field required")
	}
	sc, err := x.script(a.model)
	if err != nil {
		return err
	}
	if x.rec != nil {
		x.describe(a.model, a.stream)
	}
	if done, err := x.early(a.model, sc); done || err != nil {
		return err
	}
	if f := cmp.Or(a.altered, a.missing); sc.think && f != nil {
		return f
	}
	p := x.server.compose(a, sc, x.id, x.received)
	if a.stream {
		x.stream(a, sc, p)
		return nil
	}
	x.whole(a, sc, p)
	return nil
}

// Requests lists what was received, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.list()
}

// Reset forgets the received requests and the counters of fail:times.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring = ring{}
	clear(s.hits)
}

func drain(r io.Reader) { _, _ = io.Copy(io.Discard, io.LimitReader(r, maxBody)) }
