package gemini

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// canonical are the codes of google.rpc.Code by HTTP status (google/rpc/code.proto, seen 2026-11-24), with the class of failure
// that each is.
var canonical = []struct {
	status int
	word   string
	class  llm.Class
}{
	{400, "INVALID_ARGUMENT", llm.BadRequest},
	{400, "FAILED_PRECONDITION", llm.Access}, // region not served, billing not enabled
	{400, "OUT_OF_RANGE", llm.BadRequest},
	{401, "UNAUTHENTICATED", llm.Credential},
	{403, "PERMISSION_DENIED", llm.Access},
	{404, "NOT_FOUND", llm.ModelGone},
	{409, "ABORTED", llm.Overloaded},
	{429, "RESOURCE_EXHAUSTED", llm.RateLimited},
	{499, "CANCELLED", llm.Network}, // by them: our client's leaving is not an answer
	{500, "INTERNAL", llm.Overloaded},
	{500, "UNKNOWN", llm.Overloaded},
	{501, "UNIMPLEMENTED", llm.Unsupported},
	{503, "UNAVAILABLE", llm.Overloaded},
	{504, "DEADLINE_EXCEEDED", llm.Timeout},
}

// phrases tell apart what one code sums up, by words of messages that were recorded or are documented
// (ai.google.dev/gemini-api/docs/troubleshooting, seen 2026-11-24). The first that fits counts.
var phrases = []struct {
	text  string
	class llm.Class
}{
	{"api key not valid", llm.Credential},
	{"api key expired", llm.Credential},
	{"reported as leaked", llm.Credential},
	{"unregistered callers", llm.Credential}, // no key at all
	{"exceeds the maximum number of tokens", llm.ContextLength},
	{"exceeds the maximum allowed number of input tokens", llm.ContextLength},
	{"request payload size exceeds", llm.ContextLength},
	{"user location is not supported", llm.Access},
	{"check your plan and billing details", llm.RateLimited}, // said of every limit of a minute as well; see quota
	{"credits are depleted", llm.Quota},
	{"billing account", llm.Quota},
	{"spending cap", llm.Quota},
}

const (
	refused    = "the provider refused the gateway's credential" // Google repeats parts of keys
	maxMessage = 2048
)

// DecodeError classifies an answer that is not 2xx.
func (Codec) DecodeError(status int, header http.Header, body []byte) *llm.Error {
	return readError(status, header, body)
}

// rpcStatus is a google.rpc.Status, as far as we need it.
type rpcStatus struct {
	code    int
	word    string
	message string
	reason  string // of ErrorInfo
	delay   time.Duration
	quota   bool // what is used up does not come back within minutes
	found   bool
}

// readError reads a Status from a body, which may be {"error":…} or a list of one such. Status 0 is an error inside a 200: the
// error's own code stands for it.
func readError(status int, header http.Header, body []byte) *llm.Error {
	s := readStatus(body)
	if status == 0 {
		status = s.code
	}
	e := &llm.Error{
		Status: status, Code: s.word, Kind: s.word, Message: s.message, RetryAfter: s.delay,
		Sent: true, Dialect: llm.Gemini, Header: header, Raw: bytes.Clone(body),
	}
	if s.reason != "" {
		e.Code = s.reason
	}
	e.Class = s.class(status)
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(header)
	}
	switch {
	case e.Class == llm.Credential:
		e.Message = refused
	case e.Message == "":
		e.Message = "the provider answered with status " + strconv.Itoa(status)
	case len(e.Message) > maxMessage:
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "")
	}
	return e
}

func readStatus(body []byte) (s rpcStatus) {
	body = bytes.TrimSpace(body)
	if rawjson.Check(body) != nil {
		return s
	}
	if len(body) > 0 && body[0] == '[' {
		_ = rawjson.Array(body, func(_ int, item []byte) bool { body = item; return false })
	}
	obj := rawjson.Get(body, "error")
	if obj == nil {
		return s
	}
	s.found = true
	if obj[0] == '"' {
		s.message = text(obj)
		return s
	}
	_ = members(obj, func(name, value []byte) {
		switch string(name) {
		case "code":
			n, _ := whole(value)
			s.code = int(n)
		case "status":
			s.word = text(value)
		case "message":
			s.message = text(value)
		case "details":
			_ = rawjson.Array(value, func(_ int, d []byte) bool { s.detail(d); return true })
		}
	})
	return s
}

// detail reads one of the messages that may come with a Status (google/rpc/error_details.proto).
func (s *rpcStatus) detail(d []byte) {
	switch kind := text(rawjson.Get(d, "@type")); {
	case strings.HasSuffix(kind, "ErrorInfo"):
		s.reason = text(rawjson.Get(d, "reason"))
	case strings.HasSuffix(kind, "RetryInfo"):
		if wait, err := time.ParseDuration(text(rawjson.Get(d, "retryDelay"))); err == nil {
			s.delay = max(wait, 0)
		}
	case strings.HasSuffix(kind, "QuotaFailure"):
		_ = rawjson.Array(rawjson.Get(d, "violations"), func(_ int, v []byte) bool {
			s.quota = s.quota || strings.Contains(text(rawjson.Get(v, "quotaId")), "PerDay")
			return true
		})
	}
}

func (s *rpcStatus) class(status int) llm.Class {
	switch s.reason {
	case "API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING":
		return llm.Credential
	case "BILLING_DISABLED":
		return llm.Quota
	case "SERVICE_DISABLED", "API_KEY_SERVICE_BLOCKED":
		return llm.Access
	}
	if s.quota {
		return llm.Quota
	}
	said := strings.ToLower(s.message)
	for _, p := range phrases {
		if strings.Contains(said, p.text) {
			return p.class
		}
	}
	// What is not there is the model, unless it is a file or cache that the request names.
	if status == http.StatusNotFound && s.found && !strings.Contains(said, "model") && said != "" {
		return llm.BadRequest
	}
	for _, c := range canonical {
		if c.word == s.word || s.word == "" && c.status == status {
			return c.class
		}
	}
	switch {
	case status == http.StatusRequestTimeout:
		return llm.Timeout
	case status == http.StatusPaymentRequired:
		return llm.Quota
	case status == http.StatusRequestEntityTooLarge:
		return llm.ContextLength
	case status >= 400 && status < 500:
		return llm.BadRequest
	}
	return llm.Overloaded
}

// retryAfter reads the standard header: seconds, or a moment, for which the response's own date is the clock.
func retryAfter(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(said, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second))
	}
	at, err := http.ParseTime(said)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}

// EncodeError is the error as a google.rpc.Status. An error of this dialect keeps every byte, unless it speaks of our own key.
// Our stable code is the reason of an ErrorInfo, since Google's own code is the HTTP status.
func (Codec) EncodeError(err *llm.Error) []byte {
	if err.Dialect == llm.Gemini && err.Class != llm.Credential {
		if s := readStatus(err.Raw); s.found {
			return err.Raw
		}
	}
	var w rawjson.Writer
	writeError(&w, err)
	return w.B
}

func writeError(w *rawjson.Writer, err *llm.Error) {
	status := err.HTTPStatus()
	w.Open('{')
	w.Name("error")
	w.Open('{')
	w.Name("code")
	w.Int(int64(status))
	w.Name("message")
	w.String(err.Message)
	w.Name("status")
	w.String(statusWord(status))
	if err.Code != "" || err.RetryAfter > 0 {
		w.Name("details")
		w.Open('[')
		if err.Code != "" {
			w.Open('{')
			w.Some("@type", "type.googleapis.com/google.rpc.ErrorInfo")
			w.Some("reason", err.Code)
			w.Some("domain", "tidegate")
			if err.Param != "" {
				w.Name("metadata")
				w.Open('{')
				w.Some("param", err.Param)
				w.Close('}')
			}
			w.Close('}')
		}
		if err.RetryAfter > 0 {
			w.Open('{')
			w.Some("@type", "type.googleapis.com/google.rpc.RetryInfo")
			w.Some("retryDelay", strconv.FormatFloat(err.RetryAfter.Seconds(), 'f', -1, 64)+"s")
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close('}')
	w.Close('}')
}

func statusWord(status int) string {
	for _, c := range canonical {
		if c.status == status {
			return c.word
		}
	}
	switch {
	case status >= 500:
		return "UNAVAILABLE"
	case status == http.StatusRequestTimeout:
		return "DEADLINE_EXCEEDED"
	case status == http.StatusPaymentRequired:
		return "RESOURCE_EXHAUSTED"
	}
	return "INVALID_ARGUMENT"
}
