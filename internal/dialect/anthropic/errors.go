package anthropic

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// classes sorts the vendor's error types (errors page, 2026-11).
var classes = map[string]llm.Class{
	"invalid_request_error": llm.BadRequest,
	"authentication_error":  llm.Credential,
	"billing_error":         llm.Quota,
	"permission_error":      llm.Access,
	"not_found_error":       llm.ModelGone,
	"request_too_large":     llm.ContextLength,
	"rate_limit_error":      llm.RateLimited,
	"timeout_error":         llm.Timeout,
	"api_error":             llm.Overloaded,
	"overloaded_error":      llm.Overloaded,
}

// statuses sorts by HTTP status, for bodies that are not the vendor's.
var statuses = map[int]llm.Class{
	400: llm.BadRequest, 401: llm.Credential, 402: llm.Quota, 403: llm.Access, 404: llm.Unsupported, 405: llm.Unsupported,
	408: llm.Timeout, 409: llm.Overloaded, 410: llm.ModelGone, 413: llm.ContextLength, 422: llm.BadRequest, 424: llm.Overloaded,
	429: llm.RateLimited, 504: llm.Timeout,
}

// phrases tell apart what the vendor sums up as invalid_request_error and the like.
var phrases = []struct {
	class llm.Class
	text  string
}{
	{llm.ContextLength, "prompt is too long"},
	{llm.ContextLength, "exceed context limit"},
	{llm.ContextLength, "context window"},
	{llm.ContextLength, "maximum context length"},
	{llm.ContextLength, "input is too long"},
	{llm.Quota, "credit balance is too low"},
	{llm.Quota, "api usage limits"},
	{llm.Filtered, "content filtering policy"},
	{llm.Credential, "organization has been disabled"},
}

// DecodeError classifies an answer that is not 2xx.
func (Codec) DecodeError(status int, header http.Header, body []byte) *llm.Error {
	e := read(body)
	if e == nil {
		e = &llm.Error{Message: "the provider answered with status " + strconv.Itoa(status)}
	}
	if e.Class == 0 {
		e.Class = byStatus(status)
	}
	if e.Class == llm.ModelGone || e.Class == llm.Unsupported {
		e.Class = llm.Unsupported // a path or object that is not there, unless it is the model
		if strings.Contains(strings.ToLower(e.Message), "model") {
			e.Class = llm.ModelGone
		}
	}
	if e.Class == llm.Credential {
		e.Message = "the provider refused the gateway's credential" // its own words repeat parts of keys
	}
	e.Status, e.Header, e.Dialect, e.Raw = status, header, own, keep(body)
	e.RetryAfter = retryAfter(header)
	return e
}

func byStatus(status int) llm.Class {
	if c, ok := statuses[status]; ok {
		return c
	}
	if status >= 500 {
		return llm.Overloaded
	}
	return llm.BadRequest
}

// read reads an error object, the vendor's or one of the shapes that clouds put in its place; nil when there is none. The class
// is 0 when the words do not tell it.
func read(body []byte) *llm.Error {
	if rawjson.Check(body) != nil {
		return nil //nolint:nilerr // what is no JSON holds no error object
	}
	obj := rawjson.Get(body, "error")
	if len(obj) > 0 && obj[0] == '"' { // {"error":"text"}
		msg, _ := rawjson.String(obj)
		return classify(&llm.Error{Message: msg})
	}
	if len(obj) == 0 || obj[0] != '{' {
		if msg, ok := rawjson.String(rawjson.Get(body, "message")); ok { // AWS
			return classify(&llm.Error{Message: msg})
		}
		return nil
	}
	e := new(llm.Error)
	e.Kind, _ = rawjson.String(rawjson.Get(obj, "type"))
	e.Message, _ = rawjson.String(rawjson.Get(obj, "message"))
	e.Code = e.Kind
	for _, name := range []string{"code", "status"} { // Azure; Google
		if s, ok := rawjson.String(rawjson.Get(obj, name)); ok && e.Code == "" {
			e.Code = s
		}
	}
	return classify(e)
}

func classify(e *llm.Error) *llm.Error {
	e.Class = classes[e.Kind]
	said := strings.ToLower(e.Message)
	for _, p := range phrases {
		if strings.Contains(said, p.text) {
			e.Class = p.class
			break
		}
	}
	e.Message = bound(e.Message)
	return e
}

// errorIn is the error that a body or event of status 200 holds instead of an answer; nil when it holds none.
func errorIn(body []byte) *llm.Error {
	kind, _ := rawjson.String(rawjson.Get(body, "type"))
	obj := rawjson.Get(body, "error")
	if kind != "error" && (rawjson.IsNull(obj) || rawjson.Get(body, "content") != nil) {
		return nil
	}
	e := read(body)
	if e == nil {
		e = &llm.Error{Message: "the provider reported an error"}
	}
	if e.Class == 0 {
		e.Class = llm.Overloaded
		if code, ok := rawjson.Int(rawjson.Get(obj, "code")); ok && code >= 400 {
			e.Class = byStatus(int(code))
		}
	}
	if e.Class == llm.Credential {
		e.Message = "the provider refused the gateway's credential"
	}
	e.Dialect, e.Raw, e.Sent = own, keep(body), true
	return e
}

// retryAfter is how long the provider asks to wait; 0 when it does not. The response's own date is the clock for moments.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		return max(0, time.Duration(s*float64(time.Second)))
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return max(0, at.Sub(now))
	}
	var wait time.Duration
	for _, what := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		prefix := "Anthropic-Ratelimit-" + what
		at, err := time.Parse(time.RFC3339, h.Get(prefix+"-Reset"))
		if err == nil && h.Get(prefix+"-Remaining") == "0" {
			wait = max(wait, at.Sub(now))
		}
	}
	return wait
}

// kinds are the error types that a client of this dialect is told.
var kinds = [llm.NumClasses]string{
	llm.BadRequest: "invalid_request_error", llm.ContextLength: "invalid_request_error", llm.Filtered: "invalid_request_error",
	llm.Unsupported: "invalid_request_error", llm.Credential: "api_error", llm.Access: "permission_error",
	llm.ModelGone: "not_found_error", llm.Quota: "rate_limit_error", llm.RateLimited: "rate_limit_error",
	llm.Overloaded: "overloaded_error", llm.Timeout: "timeout_error", llm.Network: "api_error", llm.Canceled: "api_error",
	llm.Internal: "api_error",
}

// byAnswer are the types where the status says more than the class does.
var byAnswer = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusPaymentRequired: "billing_error",
	http.StatusRequestEntityTooLarge: "request_too_large", http.StatusInternalServerError: "api_error",
}

// EncodeError is the error body. The type of an error of this dialect stays, unless it speaks of our own key.
func (Codec) EncodeError(e *llm.Error) []byte {
	kind := kinds[e.Class]
	if k, ok := byAnswer[e.HTTPStatus()]; ok {
		kind = k
	}
	if e.Dialect == own && e.Kind != "" && e.Class != llm.Credential {
		kind = e.Kind
	}
	var w writer
	w.Open('{')
	w.Member("type", "error")
	w.Name("error").Open('{')
	w.Member("type", kind)
	w.Member("message", e.Message)
	if e.Code != "" && e.Code != kind {
		w.Member("code", e.Code) // the gateway's stable words; clients of this dialect skip what they do not know
	}
	if e.Param != "" {
		w.Member("param", e.Param)
	}
	w.Close('}')
	w.Close('}')
	return w.B
}
