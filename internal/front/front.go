// Package front is the data plane's HTTP side: which paths there are, how requests are read, and how answers and errors are
// written in the shape of the surface that was called. What is not listed in routes does not exist.
//
// It knows HTTP and surfaces. Everything between reading and writing is package gate's.
package front

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"tidegate/internal/gate"
	"tidegate/internal/llm"
)

// Limits bound what clients may do.
type Limits struct {
	Body      int64         // bytes of a request
	Heartbeat time.Duration // silence after which a stream gets a comment; 0 sends none
	Write     time.Duration // a client that does not take a frame for so long is gone
}

// Front serves the data plane.
type Front struct {
	gate     *gate.Gate
	limits   Limits
	log      *slog.Logger
	healthy  func() error
	draining atomic.Bool
}

// New makes a front. healthy says why the gateway cannot serve, nil when it can.
func New(g *gate.Gate, limits Limits, healthy func() error, log *slog.Logger) *Front {
	return &Front{gate: g, limits: limits, healthy: healthy, log: log}
}

// Drain has /readyz say that no new requests are wanted.
func (f *Front) Drain() { f.draining.Store(true) }

// Register adds the data plane's routes: the whole list.
func (f *Front) Register(mux *http.ServeMux) {
	for _, base := range []string{"/v1", ""} {
		mux.HandleFunc("POST "+base+"/chat/completions", f.generate(llm.OpenAIChat, "/v1/chat/completions", inBody))
		mux.HandleFunc("POST "+base+"/messages", f.generate(llm.Anthropic, "/v1/messages", inBody))
		mux.HandleFunc("GET "+base+"/models", f.models)
		mux.HandleFunc("GET "+base+"/models/{model...}", f.model)
	}
	mux.HandleFunc("POST /anthropic/v1/messages", f.generate(llm.Anthropic, "/v1/messages", inBody))
	mux.HandleFunc("POST /v1beta/models/{call...}", f.generate(llm.Gemini, "/v1beta/models/{model}", inPath))
	mux.HandleFunc("GET /healthz", f.alive)
	mux.HandleFunc("GET /readyz", f.ready)
	mux.HandleFunc("/", f.unknown)
}

// asked is what the path says about a request, where a surface puts that into the path.
type asked struct {
	model  string
	stream bool
}

// inBody is for surfaces whose requests say everything in the body.
func inBody(*http.Request) (*asked, error) { return nil, nil }

// inPath reads Gemini's {model}:action.
func inPath(r *http.Request) (*asked, error) {
	call := r.PathValue("call")
	at := strings.LastIndexByte(call, ':')
	if at < 0 {
		return nil, &llm.Error{Class: llm.BadRequest, Status: http.StatusNotFound, Code: "unknown_path", Message: "expected models/{model}:generateContent or :streamGenerateContent"}
	}
	a := &asked{model: call[:at]}
	switch action := call[at+1:]; {
	case action == "generateContent":
	case action == "streamGenerateContent" && r.URL.Query().Get("alt") == "sse":
		a.stream = true
	case action == "streamGenerateContent":
		return nil, &llm.Error{Class: llm.BadRequest, Code: "unsupported_stream", Message: "streams are served as server-sent events only: add ?alt=sse"}
	default:
		return nil, &llm.Error{Class: llm.BadRequest, Status: http.StatusNotFound, Code: "unknown_path", Message: "the action " + action + " is not served here"}
	}
	return a, nil
}

// Guard keeps web pages out of a gateway that is open on this machine: they could otherwise spend its owner's money. It is
// put around everything that the program serves.
func (f *Front) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.gate.State().Keys.Open() {
			if !loopback(r.Host) {
				f.refuse(w, r, http.StatusForbidden, "foreign_host", "this gateway is open to this machine only: call it as localhost or 127.0.0.1")
				return
			}
			if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r.Host) {
				f.refuse(w, r, http.StatusForbidden, "foreign_origin", "this gateway is open without keys and does not answer other web pages")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host == host
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func (f *Front) alive(w http.ResponseWriter, _ *http.Request) { status(w, http.StatusOK, "ok") }

func (f *Front) ready(w http.ResponseWriter, _ *http.Request) {
	if f.draining.Load() {
		status(w, http.StatusServiceUnavailable, "draining")
		return
	}
	if f.healthy() != nil {
		status(w, http.StatusServiceUnavailable, "the books cannot be written")
		return
	}
	status(w, http.StatusOK, "ready")
}

func status(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // the asker left: nobody to tell
}

func (f *Front) unknown(w http.ResponseWriter, r *http.Request) {
	f.refuse(w, r, http.StatusNotFound, "unknown_path", r.Method+" "+r.URL.Path+" is not served here; see /v1/chat/completions, /v1/models and /console")
}

// credential finds the client's key wherever its SDK puts it.
func credential(h http.Header) string {
	if v := h["Authorization"]; len(v) > 0 {
		if scheme, key, ok := strings.Cut(v[0], " "); ok && strings.EqualFold(scheme, "bearer") {
			return strings.TrimSpace(key)
		}
	}
	for _, name := range [...]string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
		if v := h[name]; len(v) > 0 && v[0] != "" {
			return v[0]
		}
	}
	return ""
}

// bodyPatience is how long a request may take to arrive whole: enough for tens of megabytes on a slow line, and not for ever.
const bodyPatience = 2 * time.Minute

// body reads a request's document. Failures are *llm.Error.
func (f *Front) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, &llm.Error{Class: llm.BadRequest, Status: http.StatusUnsupportedMediaType, Code: "unsupported_encoding", Message: "the request body is compressed; send it as it is"}
	}
	if r.ContentLength > f.limits.Body {
		return nil, f.tooLarge()
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(bodyPatience)) // a connection without deadlines (tests) has none
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	src := http.MaxBytesReader(w, r.Body, f.limits.Body)
	var (
		buf []byte
		err error
	)
	if n := r.ContentLength; n >= 0 {
		buf = make([]byte, n)
		_, err = io.ReadFull(src, buf)
	} else {
		buf, err = io.ReadAll(src)
	}
	switch _, large := errors.AsType[*http.MaxBytesError](err); {
	case err == nil:
		return buf, nil
	case large:
		return nil, f.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &llm.Error{Class: llm.BadRequest, Status: http.StatusRequestTimeout, Code: "body_timeout", Message: "the request body did not arrive in time", Err: err}
	case r.Context().Err() != nil:
		return nil, &llm.Error{Class: llm.Canceled, Code: "client_closed_request", Message: "the client closed the request", Err: err}
	}
	return nil, &llm.Error{Class: llm.BadRequest, Code: "incomplete_body", Message: "the request body ended early", Err: err}
}

func (f *Front) tooLarge() *llm.Error {
	return &llm.Error{
		Class: llm.BadRequest, Status: http.StatusRequestEntityTooLarge, Code: "request_too_large",
		Message: "the request body is larger than the limit of " + size(f.limits.Body) + " (server.max_body)",
	}
}
