package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"tidegate/internal/llm"
)

// Credential is one key of a provider. Label is what people may see of it.
type Credential struct {
	Label string
	Key   string
}

// String never shows the key, whatever prints it.
func (c Credential) String() string { return c.Label }

// GoString is String.
func (c Credential) GoString() string { return c.Label }

// Upstream is a provider as it is configured here: a row, an address and keys. It is immutable and safe for concurrent use.
type Upstream struct {
	Row
	Name        string // as configured; Row.Name is the type
	Base        *url.URL
	Credentials []Credential
	Models      []string // if given, the only ones it serves
	Timeouts    llm.Timeouts
	Extra       []byte // JSON object whose members are set in every request; nil for none
	Transport   http.RoundTripper
	turn        *atomic.Uint64 // shares the load between credentials
	secrets     *strings.Replacer
}

// Options says how an upstream differs from its row.
type Options struct {
	Name        string
	BaseURL     string
	Credentials []Credential
	Models      []string
	Default     string
	Header      map[string]string
	Timeouts    llm.Timeouts
	Extra       []byte
	Transport   http.RoundTripper
}

// New makes an upstream of a row. An address that cannot be used is an error.
func New(row Row, opt Options) (*Upstream, error) {
	u := &Upstream{
		Row: row, Name: opt.Name, Credentials: opt.Credentials, Models: opt.Models, Timeouts: opt.Timeouts, Extra: opt.Extra,
		Transport: opt.Transport, turn: new(atomic.Uint64), secrets: redactor(opt.Credentials, opt.Header),
	}
	if opt.Default != "" {
		u.Default = opt.Default
	}
	if len(opt.Header) > 0 {
		u.Header = make(map[string]string, len(row.Header)+len(opt.Header))
		for _, from := range []map[string]string{row.Header, opt.Header} {
			for k, v := range from {
				u.Header[http.CanonicalHeaderKey(k)] = v
			}
		}
	}
	address := row.BaseURL
	if opt.BaseURL != "" {
		address = opt.BaseURL
	}
	if address == "" {
		return nil, errors.New("base_url is needed: only you know where it runs")
	}
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("base_url must be an http or https address")
	}
	if base.User != nil {
		return nil, errors.New("base_url must not hold credentials: use api_key")
	}
	if base.Path == "" {
		base.Path = row.Path
	}
	u.Base = base
	return u, nil
}

// Serves tells whether the configuration lets the upstream answer for a model.
func (u *Upstream) Serves(model string) bool {
	return u.Models == nil || slices.Contains(u.Models, model)
}

// Usable tells whether a request has a chance: a credential is there, or none is needed.
func (u *Upstream) Usable() bool {
	return len(u.Credentials) > 0 || u.Local || u.Auth == NoAuth
}

// Credential picks the key for the next call, in turn.
func (u *Upstream) Credential() Credential {
	switch len(u.Credentials) {
	case 0:
		return Credential{}
	case 1:
		return u.Credentials[0]
	}
	return u.Credentials[u.turn.Add(1)%uint64(len(u.Credentials))]
}

// Target is the upstream's model as codecs see it.
func (u *Upstream) Target(model string) llm.Target {
	return llm.Target{Model: model, Issuer: u.Issuer, Quirks: &u.Quirks}
}

// Call is one request to an upstream.
type Call struct {
	Path       string // below the base address, query included
	Body       []byte
	Stream     bool
	Header     http.Header // the client's, of which the ones below are passed on
	Trace      string      // traceparent; "" for none
	Credential Credential
	Timeouts   llm.Timeouts
}

// passed are the client's headers that mean something to providers. Everything else stays here: credentials, cookies,
// addresses.
var passed = []string{
	"User-Agent", "Anthropic-Beta", "Anthropic-Version", "Openai-Beta", "X-App", "Http-Referer", "X-Title", "Idempotency-Key",
}

// Do sends the call and returns once the head of the answer is here. Failures are *llm.Error of class Network, Timeout or
// Canceled; an answer of any status is not a failure. Close the answer.
func (u *Upstream) Do(ctx context.Context, call Call) (*Answer, error) {
	w := watch(ctx, call.Timeouts)
	req := &http.Request{
		Method: http.MethodPost, URL: u.address(call.Path), Host: u.Base.Host, Header: u.header(call),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	setBody(req, call.Body)
	resp, err := u.Transport.RoundTrip(req.WithContext(w.traced())) //nolint:bodyclose // the answer has the body and closes it
	if err != nil {
		w.stop()
		return nil, w.fail(err, w.sent.Load())
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, length: resp.ContentLength, body: resp.Body, watch: w}, nil
}

func (u *Upstream) address(path string) *url.URL {
	a := *u.Base
	path, a.RawQuery, _ = strings.Cut(path, "?")
	if a.RawPath == "" && !strings.Contains(path, "%") { // nearly always
		a.Path += path
	} else if plain, err := url.PathUnescape(path); err == nil {
		a.RawPath = a.EscapedPath() + path
		a.Path += plain
	}
	return &a
}

// Values that many requests share. Nobody writes into the values of a request's header.
var (
	jsonType    = []string{"application/json"}
	eventStream = []string{"text/event-stream"}
)

func (u *Upstream) header(call Call) http.Header {
	h := make(http.Header, 8)
	for _, name := range passed {
		if v := call.Header[name]; len(v) > 0 {
			h[name] = v[:1]
		}
	}
	for name, v := range call.Header {
		if strings.HasPrefix(name, "X-Stainless-") { // the vendors' SDKs describe themselves with these
			h[name] = v
		}
	}
	h["Content-Type"] = jsonType
	if call.Stream {
		h["Accept"] = eventStream
	}
	if call.Trace != "" {
		h["Traceparent"] = []string{call.Trace}
	}
	for name, v := range u.Header {
		if _, said := h[name]; !said { // a client that speaks the dialect may ask for another version
			h[name] = []string{v}
		}
	}
	if key := call.Credential.Key; key != "" {
		switch u.Auth {
		case XAPIKey, XGoogKey, AzureKey:
			h[http.CanonicalHeaderKey(string(u.Auth))] = []string{key}
		default:
			h["Authorization"] = []string{"Bearer " + key}
		}
	}
	return h
}
