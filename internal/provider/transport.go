package provider

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Transport is the connection pool that upstreams share. Redirects are never followed (a credential is bound to its host),
// bodies are never compressed (a stream must flow), and the environment's proxy is honoured.
type Transport struct {
	full  *http.Transport
	plain *plain
	proxy func(*http.Request) (*url.URL, error)
}

// NewTransport makes a transport. connect bounds dialing and the TLS handshake, each.
func NewTransport(connect time.Duration) *Transport {
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	return &Transport{
		proxy: http.ProxyFromEnvironment,
		plain: &plain{dial: dialer.DialContext},
		full: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   connect,
			MaxIdleConns:          4096,
			MaxIdleConnsPerHost:   idlePerHost,
			IdleConnTimeout:       idleTimeout,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true,
			WriteBufferSize:       16 << 10,
			ReadBufferSize:        8 << 10,
		},
	}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.isPlain(req) {
		return t.plain.RoundTrip(req)
	}
	return t.full.RoundTrip(req)
}

// CloseIdleConnections closes what waits for its next use.
func (t *Transport) CloseIdleConnections() {
	t.plain.pool.close()
	t.full.CloseIdleConnections()
}

// isPlain tells whether a request can do without what http.Transport knows: TLS, proxies, bodies of unknown length, host names
// in other scripts.
func (t *Transport) isPlain(req *http.Request) bool {
	if _, ok := req.Body.(*document); req.URL.Scheme != "http" || !ok && req.Body != nil || !isPrintable(req.URL.Host) || !isPrintable(req.Host) {
		return false
	}
	proxy, err := t.proxy(req)
	return proxy == nil && err == nil
}

// isPrintable: ASCII without controls, spaces and the zones of addresses.
func isPrintable(host string) bool {
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return true
}

// document is a body that is in memory, and that plain sends without copying it.
type document struct {
	bytes.Reader
	text []byte
}

// Close does nothing.
func (d *document) Close() error { return nil }

func setBody(req *http.Request, body []byte) {
	if len(body) == 0 {
		return // to net/http, a body of length 0 is one of unknown length
	}
	open := func() (io.ReadCloser, error) {
		d := &document{text: body}
		d.Reset(body)
		return d, nil
	}
	req.ContentLength, req.GetBody = int64(len(body)), open
	req.Body, _ = open() // cannot fail
}

var errRequest = errors.New("the request cannot be sent: a control character in method, address or header")

// buffers hold heads, and small bodies with them.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// write writes a request out: its head, to be given back to buffers, and what of its body is not behind the head.
func write(req *http.Request) (head *[]byte, body []byte, err error) {
	if d, ok := req.Body.(*document); ok {
		body = d.text
	}
	head = buffers.Get().(*[]byte)
	b := (*head)[:0]
	b, ok := appendHead(b, req, len(body))
	if ok && len(body) <= inline {
		b, body = append(b, body...), nil
	}
	*head = b
	if !ok {
		buffers.Put(head)
		return nil, nil, errRequest
	}
	return head, body, nil
}

func appendHead(b []byte, req *http.Request, length int) (_ []byte, ok bool) {
	method, uri, host := req.Method, req.URL.RequestURI(), req.Host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = req.URL.Host
	}
	if !isToken(method) || !isPrintable(host) || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return b, false
	}
	b = append(b, method...)
	b = append(b, ' ')
	b = append(b, uri...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	if _, said := req.Header["User-Agent"]; !said {
		b = append(b, "\r\nUser-Agent: Go-http-client/1.1"...)
	}
	if length > 0 || method != http.MethodGet && method != http.MethodHead {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(length), 10)
	}
	if req.Close {
		b = append(b, "\r\nConnection: close"...)
	}
	b = append(b, "\r\n"...)
	for name, values := range req.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection": // ours to say
			continue
		}
		for _, v := range values {
			if !isToken(name) || !isValue(v) {
				return b, false
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, strings.Trim(v, " \t")...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...), true
}

// isToken is RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isValue is RFC 9110, section 5.5.
func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// hostPort is where to dial.
func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), "80")
}
