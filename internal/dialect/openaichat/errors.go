package openaichat

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// maxMessage bounds the vendor's text in an error, in bytes.
const maxMessage = 2048

// failure is what an error document says, whichever of the recorded shapes it has:
// {"error":{"message","type","param","code"}}, {"error":"text"} (xAI, Venice, with "code" beside it), the same members at the top
// (Mistral), {"detail":"text"|[{"msg"}]} (FastAPI), [{"error":…}] (Google).
type failure struct {
	message, kind, code, param, inner string
	status                            int
	retry                             string // Google's RetryInfo
}

func readFailure(body []byte) (f failure) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		_ = rawjson.Array(body, func(_ int, v []byte) bool { body = v; return false })
	}
	_ = rawjson.Object(body, f.member) // not an object: says nothing
	return f
}

func (f *failure) member(name, value []byte) bool {
	text, isText := rawjson.String(value)
	switch string(name) {
	case "error":
		if isText {
			f.message = text
		} else {
			_ = rawjson.Object(value, f.member)
		}
	case "message", "msg":
		f.message = text
	case "detail":
		f.message = text
		_ = rawjson.Array(value, func(_ int, v []byte) bool {
			f.message, _ = rawjson.String(rawjson.Get(v, "msg"))
			return f.message == ""
		})
	case "type":
		f.kind = text
	case "param":
		f.param = text
	case "code":
		if n, err := strconv.Atoi(strings.Trim(string(value), `"`)); err != nil {
			f.code = text
		} else if n >= 400 && n < 600 && f.status == 0 {
			f.status = n
		}
	case "status", "status_code", "raw_status_code":
		if n, ok := rawjson.Int(value); ok && n >= 400 && n < 600 {
			f.status = int(n)
		}
	case "innererror":
		if f.code == "" {
			f.code, _ = rawjson.String(rawjson.Get(value, "code"))
		}
	case "metadata": // OpenRouter: what the provider behind it said
		f.inner, _ = rawjson.String(rawjson.Get(value, "raw"))
	case "details":
		_ = rawjson.Array(value, func(_ int, v []byte) bool {
			f.retry, _ = rawjson.String(rawjson.Get(v, "retryDelay"))
			return f.retry == ""
		})
	}
	return true
}

// error makes the error that a document describes.
func (f *failure) error(status int, header http.Header, raw []byte) *llm.Error {
	if f.inner != "" {
		inner := readFailure([]byte(f.inner))
		if inner.message == "" {
			inner.message = f.inner
		}
		f.message = strings.TrimPrefix(f.message+": "+inner.message, ": ")
		if f.code == "" {
			f.code = inner.code
		}
	}
	e := &llm.Error{
		Class: f.class(status), Status: status, Code: f.code, Kind: f.kind, Param: f.param,
		Message: f.message, Dialect: own, Header: header, Raw: raw,
	}
	e.RetryAfter = retryAfter(header, f.retry, e.Class)
	switch {
	case e.Class == llm.Credential: // the vendor's text repeats parts of the key
		e.Message = "the provider refused the gateway's credential"
	case e.Message == "":
		e.Message = "the provider answered with status " + strconv.Itoa(status) + " and no message"
	case len(e.Message) > maxMessage:
		e.Message = strings.ToValidUTF8(e.Message[:maxMessage], "")
	}
	return e
}

// DecodeError classifies an answer that is not 2xx.
func (Codec) DecodeError(status int, header http.Header, body []byte) *llm.Error {
	f := readFailure(body)
	return f.error(status, header, body)
}

// inBand is an error inside a 200: its own code says which status it would have had.
func inBand(document, raw []byte) *llm.Error {
	f := readFailure(document)
	status := f.status
	e := f.error(status, nil, raw)
	if f.message == "" {
		e.Message = "the provider reported an error inside its answer"
	}
	e.Sent = true
	return e
}

// unreadable is a 200 that holds no answer. What it holds is not passed on, since nobody could read it.
func unreadable(code string) *llm.Error {
	e := &llm.Error{Class: llm.Overloaded, Code: code, Sent: true}
	switch code {
	case "upstream_truncated":
		e.Class, e.Message = llm.Network, "the provider's answer broke off"
	case "upstream_empty":
		e.Message = "the provider's answer holds no reply"
	default:
		e.Message = "the provider answered with something that is not a reply"
	}
	return e
}

// words say the class of an error by what its type, code or message contain, first match first. A word of the middle column
// only counts for the statuses of the right one, since the same words also occur in harmless texts.
var words = [...]struct {
	class llm.Class
	in    string // "code" looks at type and code, "text" at the message
	any   []string
	min   int // statuses from min to max; 0: all
	max   int
}{
	{llm.Quota, "code", []string{"insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient_balance", "credits_exhausted"}, 0, 0},
	{llm.Quota, "text", []string{"exceeded your current quota", "insufficient balance", "insufficient credit", "requires more credits", "key limit exceeded", "out of credits", "used all available credits"}, 0, 0},
	{llm.Credential, "code", []string{"invalid_api_key", "invalid_authentication", "authentication_error"}, 0, 0},
	{llm.Credential, "text", []string{"incorrect api key", "invalid api key"}, 400, 403},
	{llm.ContextLength, "code", []string{"context_length_exceeded", "exceed_context_size"}, 0, 0},
	{llm.ContextLength, "text", []string{
		"maximum context length", "context window", "context length", "prompt is too long", "exceeds the available context size", "exceed context limit",
		"input is too long", "too many input tokens", "reduce the length of the messages", "maximum number of tokens", "exceeds the model's max",
	}, 400, 500},
	{llm.Filtered, "code", []string{"content_filter", "content_policy", "responsibleaipolicyviolation", "data_inspection_failed", "moderation_blocked"}, 0, 0},
	{llm.Filtered, "text", []string{"content management policy", "flagged by", "safety system"}, 400, 403},
	{llm.RateLimited, "code", []string{"rate_limit", "too_many_requests", "tokens_per_minute"}, 0, 0},
	{llm.ModelGone, "code", []string{"model_not_found", "deploymentnotfound", "invalid_model", "unknown_model", "model_not_available"}, 0, 0},
	{llm.ModelGone, "text", []string{"is not a valid model", "model not found", "invalid model", "no endpoints found for"}, 400, 404},
	{llm.Overloaded, "code", []string{"overloaded", "server_error", "service_unavailable", "engine_busy"}, 500, 599},
	{llm.Access, "code", []string{"unsupported_country", "permission_denied", "permission_error"}, 0, 0},
	{llm.Unsupported, "code", []string{"unsupported_parameter", "unsupported_value", "unsupported_model"}, 0, 0},
	{llm.Unsupported, "text", []string{"not supported", "does not support", "unsupported", "unknown variant", "not a chat model"}, 400, 500},
	{llm.ModelGone, "text", []string{"model", "deployment"}, 404, 404},
}

func (f *failure) class(status int) llm.Class {
	if f.status != 0 && (status == 0 || status < 400) {
		status = f.status
	}
	code, text := strings.ToLower(f.code+" "+f.kind), strings.ToLower(f.message)
	for _, w := range words {
		if w.max != 0 && (status < w.min || status > w.max) {
			continue
		}
		where := text
		if w.in == "code" {
			where = code
		}
		for _, s := range w.any {
			if strings.Contains(where, s) {
				return w.class
			}
		}
	}
	return statusClass(status)
}

func statusClass(status int) llm.Class {
	switch status {
	case http.StatusUnauthorized:
		return llm.Credential
	case http.StatusPaymentRequired:
		return llm.Quota
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return llm.Access
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return llm.Unsupported
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, 522, 524:
		return llm.Timeout
	case http.StatusGone:
		return llm.ModelGone
	case http.StatusRequestEntityTooLarge:
		return llm.ContextLength
	case http.StatusTooManyRequests:
		return llm.RateLimited
	case 498: // Groq: flex capacity exceeded
		return llm.Overloaded
	}
	if status >= 400 && status < 500 {
		return llm.BadRequest
	}
	return llm.Overloaded
}
