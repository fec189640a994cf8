package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Request is what is kept of a received request and of what became of it.
type Request struct {
	ID      string      `json:"id"` // as in the x-request-id and in the answer
	Time    time.Time   `json:"time"`
	Method  string      `json:"method"`
	Path    string      `json:"path"` // with its query; the value of key is masked
	Model   string      `json:"model,omitzero"`
	Stream  bool        `json:"stream,omitzero"`
	Headers http.Header `json:"headers"` // credentials as scheme and the start of their SHA-256
	Body    string      `json:"body"`    // as it came, up to 1 MiB
	Bytes   int         `json:"bytes"`   // of the body

	Status   int        `json:"status,omitzero"` // 0 while, or if, nothing was answered
	Events   int        `json:"events"`          // written to a stream
	Sent     int        `json:"sent"`            // bytes of the answer's body
	Done     *time.Time `json:"done,omitzero"`
	GoneAt   *time.Time `json:"client_gone,omitzero"` // when the client went away before the answer was done
	finished bool
}

const (
	maxRequests  = 1000
	maxKept      = 1 << 20  // bytes of a body
	maxKeptTotal = 64 << 20 // bytes of all bodies
)

// ring holds the last requests, bounded by number and by size.
type ring struct {
	list_ []*Request
	bytes int
}

func (r *ring) add(q *Request) {
	r.list_ = append(r.list_, q)
	r.bytes += len(q.Body)
	drop := 0
	for len(r.list_)-drop > maxRequests || r.bytes > maxKeptTotal {
		r.bytes -= len(r.list_[drop].Body)
		r.list_[drop] = nil
		drop++
	}
	r.list_ = r.list_[drop:]
}

func (r *ring) list() []Request {
	all := make([]Request, len(r.list_))
	for i, q := range r.list_ {
		all[i] = *q
	}
	return all
}

// record notes the request, and the moment at which its client goes away. The function that it returns ends that.
func (x *exchange) record(body []byte) (end func()) {
	s := x.server
	if s.opt.NoRecord {
		return func() {}
	}
	x.rec = &Request{ID: x.id, Time: time.Now(), Method: x.r.Method, Path: maskedPath(x.r.URL), Headers: masked(x.r.Header),
		Body: string(body[:min(len(body), maxKept)]), Bytes: len(body)}
	s.mu.Lock()
	s.ring.add(x.rec)
	s.mu.Unlock()
	stop := context.AfterFunc(x.r.Context(), x.gone)
	return func() {
		stop()
		x.finish()
	}
}

func (x *exchange) gone() {
	x.update(func(q *Request) {
		if !q.finished && q.GoneAt == nil {
			now := time.Now()
			q.GoneAt = &now
		}
	})
}

func (x *exchange) finish() {
	if x.rec == nil {
		return
	}
	if x.r.Context().Err() != nil {
		x.gone()
	}
	x.update(func(q *Request) {
		if q.finished {
			return
		}
		now := time.Now()
		q.Done, q.finished = &now, true
	})
}

func (x *exchange) describe(model string, stream bool) {
	if x.rec != nil {
		x.update(func(q *Request) { q.Model, q.Stream = model, stream })
	}
}

func (x *exchange) wrote(status, bytes, events int) {
	if x.rec != nil {
		x.update(func(q *Request) { q.Status, q.Sent, q.Events = status, bytes, events })
	}
}

func (x *exchange) update(change func(*Request)) {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	change(x.rec)
}

// masked copies headers without what opens doors.
func masked(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization", "Cookie"} {
		for i, v := range h[name] {
			scheme, key, ok := strings.Cut(v, " ")
			if !ok {
				scheme, key = "", v
			}
			h[name][i] = strings.TrimSpace(scheme + " sha256:" + fingerprint(key))
		}
	}
	return h
}

// fingerprint is the start of the SHA-256 of a key, enough to tell keys apart.
func fingerprint(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

func maskedPath(u *url.URL) string {
	q := u.Query()
	if key := q.Get("key"); key != "" {
		q.Set("key", "sha256:"+fingerprint(key))
		return u.EscapedPath() + "?" + q.Encode()
	}
	return u.RequestURI()
}

// admin serves what is below /_fake/: the received requests, and forgetting them.
func (s *Server) admin(w http.ResponseWriter, r *http.Request, path string) {
	drain(r.Body)
	switch r.Method + " " + path {
	case "GET requests":
		w.Header()["Content-Type"] = jsonType
		_ = json.MarshalWrite(w, s.Requests(), jsontext.AllowInvalidUTF8(true))
	case "POST reset":
		s.Reset()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "There are GET /_fake/requests and POST /_fake/reset.", http.StatusNotFound)
	}
}
