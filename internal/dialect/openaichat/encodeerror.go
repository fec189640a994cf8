package openaichat

import (
	"bytes"
	"net/http"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// kinds are OpenAI's words for the classes: the error's type, and its code where the error has none of its own
// (platform.openai.com/docs/guides/error-codes, seen 2026-11).
var kinds = [llm.NumClasses]struct{ kind, code string }{
	llm.BadRequest:    {"invalid_request_error", ""},
	llm.ContextLength: {"invalid_request_error", "context_length_exceeded"},
	llm.Filtered:      {"invalid_request_error", "content_filter"},
	llm.Unsupported:   {"invalid_request_error", "unsupported"},
	llm.Credential:    {"server_error", "upstream_credential"},
	llm.Access:        {"permission_error", "access_denied"},
	llm.ModelGone:     {"invalid_request_error", "model_not_found"},
	llm.Quota:         {"insufficient_quota", "insufficient_quota"},
	llm.RateLimited:   {"requests", "rate_limit_exceeded"},
	llm.Overloaded:    {"server_error", "overloaded"},
	llm.Timeout:       {"server_error", "timeout"},
	llm.Network:       {"server_error", "upstream_error"},
	llm.Canceled:      {"server_error", "canceled"},
	llm.Internal:      {"server_error", "gateway_error"},
}

// EncodeError is the error body. What an upstream of this dialect said passes verbatim, unless it is about our credential.
func (Codec) EncodeError(err *llm.Error) []byte {
	raw := bytes.TrimSpace(err.Raw)
	if err.Dialect == own && err.Class != llm.Credential && len(raw) > 0 && raw[0] == '{' && rawjson.Get(raw, "error") != nil && rawjson.Check(raw) == nil {
		return raw
	}
	var w writer
	w.failure(err)
	return w.B
}

func (w *writer) failure(err *llm.Error) {
	class := err.Class
	if class == 0 || class >= llm.NumClasses {
		class = llm.Internal
	}
	k := kinds[class]
	if err.Status == http.StatusUnauthorized && err.Dialect == "" { // a client's key, refused by us
		k.kind, k.code = "invalid_request_error", "invalid_api_key"
	}
	if err.Dialect == own && err.Kind != "" && class != llm.Credential {
		k.kind = err.Kind
	}
	switch foreign := err.Dialect != "" && err.Dialect != own; {
	case class == llm.Credential && err.Dialect != "", foreign && k.code != "":
	case err.Code != "":
		k.code = err.Code
	}
	w.Open('{')
	w.Name("error")
	w.Open('{')
	w.Member("message", err.Message)
	w.Member("type", k.kind)
	w.orNull("param", err.Param)
	w.orNull("code", k.code)
	w.Close('}')
	w.Close('}')
}

func (w *writer) orNull(name, value string) {
	if value == "" {
		w.Name(name).Raw([]byte("null"))
		return
	}
	w.Member(name, value)
}
