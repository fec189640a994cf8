package anthropic

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

func TestDecodeReplyErrors(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		class      llm.Class
		code       string
	}{
		{"empty", "", llm.Network, "upstream_invalid_response"},
		{"HTML", "<html>secret</html>", llm.Network, "upstream_invalid_response"},
		{"cut", `{"type":"message","content":[{"type":"te`, llm.Network, "upstream_invalid_response"},
		{"no answer", `{"type":"message","id":"x"}`, llm.Network, "upstream_invalid_response"},
		{"nothing in it and no reason", `{"content":[],"stop_reason":null}`, llm.Network, "upstream_invalid_response"},
		{"an error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, llm.Overloaded, "overloaded_error"},
		{"an error of a cloud", `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`, llm.RateLimited, "RESOURCE_EXHAUSTED"},
		{"a key refused", `{"type":"error","error":{"type":"authentication_error","message":"invalid sk-ant-1"}}`, llm.Credential, "authentication_error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Codec{}.DecodeReply([]byte(tt.body), llm.Target{})
			e, ok := errors.AsType[*llm.Error](err)
			raw := tt.body
			if tt.code == "upstream_invalid_response" {
				raw = "" // ours: nobody could read those bytes
			}
			if !ok || e.Class != tt.class || e.Code != tt.code || string(e.Raw) != raw || strings.ContainsAny(e.Message, "<1") {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestDecodeReply(t *testing.T) {
	body := `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":""},{"type":"text","text":"a"}],
		"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":"bio"},
		"usage":{"input_tokens":1,"output_tokens":2,"service_tier":"priority"},"container":{"id":"c"},"context_management":null}`
	got, err := Codec{}.DecodeReply([]byte(body), llm.Target{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	want := llm.Choice{Parts: []llm.Part{llm.Text{Text: "a"}}, Stop: llm.Stop{Reason: llm.StopRefusal, Raw: "refusal", Detail: []byte(`{"type":"refusal","category":"bio"}`)}}
	if diff := cmp.Diff([]llm.Choice{want}, got.Choices); diff != "" {
		t.Error(diff)
	}
	if got.Usage.Tier != "priority" || string(got.Ext[own]) != `{"container":{"id":"c"}}` {
		t.Errorf("%+v", got)
	}
	out, lost, _ := Codec{}.EncodeReply(got)
	const wantOut = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a"}],` +
		`"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal","category":"bio"},` +
		`"usage":{"input_tokens":1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},` +
		`"output_tokens":2,"service_tier":"priority"},"container":{"id":"c"}}`
	if string(out) != wantOut || len(lost) > 0 {
		t.Errorf("%s %v", out, lost)
	}
}

// Every word has its reason and every reason its word.
func TestStops(t *testing.T) {
	for word, reason := range stopReasons {
		s, said := readStop([]byte(`{"stop_reason":"`+word+`"}`), false)
		if !said || s.Reason != reason || s.Raw != word {
			t.Errorf("%s: %+v", word, s)
		}
		var w writer
		w.Open('{')
		writeStop(&w, s)
		if !strings.Contains(string(w.B), `"stop_reason":"`+word+`"`) {
			t.Errorf("%s comes back as %s", word, w.B)
		}
	}
	for _, r := range []llm.StopReason{llm.StopNone, llm.StopEnd, llm.StopLength, llm.StopSequence, llm.StopTools, llm.StopFiltered,
		llm.StopRefusal, llm.StopPause, llm.StopWindow, llm.StopMalformed, llm.StopOther} {
		if stopReasons[stopWords[r]] == "" {
			t.Errorf("%q has no word", r)
		}
	}
	s, _ := readStop([]byte(`{"stop_reason":"stop_sequence","stop_sequence":"END"}`), true)
	if s.Reason != llm.StopSequence || s.Sequence != "END" {
		t.Errorf("%+v", s)
	}
}

// The seals of other makers come back from a client as they were, whatever part they were on.
func TestSealsThroughClient(t *testing.T) {
	google := &llm.Seal{Issuer: "google", Data: "a+b/c=="}
	parts := []llm.Part{
		llm.Thought{Text: "t", Seal: google},
		llm.Thought{Redacted: true, Seal: &llm.Seal{Issuer: "openai", Data: "e"}},
		llm.Text{Text: "x", Seal: google},
		llm.Call{ID: "1", Name: "f", Args: "{}", Seal: google},
		llm.Call{ID: "2", Name: "f", Args: "{}"},
	}
	out, lost, err := Codec{}.EncodeReply(&llm.Reply{Choices: []llm.Choice{{Parts: parts}}})
	if err != nil || len(lost) > 0 {
		t.Fatal(lost, err)
	}
	content := string(out)[strings.Index(string(out), `"content":`):strings.Index(string(out), `,"stop_reason"`)]
	chat, err := Codec{}.DecodeRequest([]byte(`{"messages":[{"role":"assistant",` + content + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parts, chat.Messages[0].Parts); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeReplyLosses(t *testing.T) {
	_, lost, _ := Codec{}.EncodeReply(&llm.Reply{
		Ext: llm.Ext{llm.OpenAIChat: []byte(`{"system_fingerprint":"x"}`)},
		Choices: []llm.Choice{{Logprobs: []byte(`{}`), Parts: []llm.Part{
			llm.Media{Type: "image/png"}, llm.Opaque{From: llm.Gemini, Kind: "executableCode"}, llm.Result{},
		}}, {}},
	})
	want := []string{"choices", "logprobs", "content.0", "content.1", "content.2", "system_fingerprint"}
	if diff := cmp.Diff(want, names(lost)); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeError(t *testing.T) {
	vendor := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"r"}`
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		class  llm.Class
	}{
		{"bad", 400, vendor("invalid_request_error", "messages: required"), llm.BadRequest},
		{"too long", 400, vendor("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), llm.ContextLength},
		{"too long with the answer", 400, vendor("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 3"), llm.ContextLength},
		{"too large", 413, vendor("request_too_large", "Request exceeds the maximum size"), llm.ContextLength},
		{"no money", 400, vendor("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), llm.Quota},
		{"spend limit", 400, vendor("invalid_request_error", "You have reached your specified API usage limits."), llm.Quota},
		{"billing", 402, vendor("billing_error", "Payment required"), llm.Quota},
		{"filter", 400, vendor("invalid_request_error", "Output blocked by content filtering policy"), llm.Filtered},
		{"key", 401, vendor("authentication_error", "invalid x-api-key"), llm.Credential},
		{"not allowed", 403, vendor("permission_error", "no"), llm.Access},
		{"model", 404, vendor("not_found_error", "model: claude-9"), llm.ModelGone},
		{"path", 404, vendor("not_found_error", "Not Found"), llm.Unsupported},
		{"Vertex model", 404, `{"error":{"code":404,"message":"Publisher Model x was not found","status":"NOT_FOUND"}}`, llm.ModelGone},
		{"rate", 429, vendor("rate_limit_error", "This request would exceed the rate limit"), llm.RateLimited},
		{"overloaded", 529, vendor("overloaded_error", "Overloaded"), llm.Overloaded},
		{"timeout", 504, vendor("timeout_error", "t"), llm.Timeout},
		{"broken", 500, vendor("api_error", "Internal server error"), llm.Overloaded},
		{"HTML", 502, "<html>", llm.Overloaded},
		{"empty", 503, "", llm.Overloaded},
		{"AWS", 403, `{"message":"The security token is invalid"}`, llm.Access},
		{"text", 418, `{"error":"teapot"}`, llm.BadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := Codec{}.DecodeError(tt.status, http.Header{}, []byte(tt.body))
			if e.Class != tt.class || e.Status != tt.status || e.Dialect != own || string(e.Raw) != tt.body {
				t.Errorf("%#v", e)
			}
			if e.Message == "" || strings.Contains(e.Message, "<") || tt.class == llm.Credential && strings.Contains(e.Message, "x-api-key") {
				t.Errorf("message %q", e.Message)
			}
		})
	}
	if e := (Codec{}).DecodeError(400, nil, []byte(vendor("invalid_request_error", strings.Repeat("é", 5000)))); len(e.Message) > 2100 {
		t.Errorf("a message of %d bytes", len(e.Message))
	}
}

func TestRetryAfter(t *testing.T) {
	const now = "Tue, 24 Nov 2026 12:00:00 GMT"
	for _, tt := range []struct {
		name   string
		header map[string]string
		want   time.Duration
	}{
		{"none", nil, 0},
		{"seconds", map[string]string{"Retry-After": "7"}, 7 * time.Second},
		{"milliseconds first", map[string]string{"Retry-After": "7", "Retry-After-Ms": "1500"}, 1500 * time.Millisecond},
		{"a date", map[string]string{"Retry-After": "Tue, 24 Nov 2026 12:00:30 GMT", "Date": now}, 30 * time.Second},
		{"a date without a clock", map[string]string{"Retry-After": "Tue, 24 Nov 2026 12:00:30 GMT"}, 0},
		{"a date gone by", map[string]string{"Retry-After": "Tue, 24 Nov 2026 11:00:30 GMT", "Date": now}, 0},
		{"what ran out", map[string]string{"Date": now, "Anthropic-Ratelimit-Requests-Remaining": "5", "Anthropic-Ratelimit-Requests-Reset": "2026-11-24T13:00:00Z",
			"Anthropic-Ratelimit-Input-Tokens-Remaining": "0", "Anthropic-Ratelimit-Input-Tokens-Reset": "2026-11-24T12:00:20Z"}, 20 * time.Second},
		{"negative", map[string]string{"Retry-After": "-7"}, 0},
	} {
		h := http.Header{}
		for k, v := range tt.header {
			h.Set(k, v)
		}
		if got := retryAfter(h); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestEncodeError(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  llm.Error
		want string
	}{
		{"ours", llm.Error{Class: llm.Quota, Code: "budget_exceeded", Message: "m"}, `{"type":"error","error":{"type":"rate_limit_error","message":"m","code":"budget_exceeded"}}`},
		{"with a place", llm.Error{Class: llm.BadRequest, Code: "invalid_request", Param: "a.b", Message: "m"}, `{"type":"error","error":{"type":"invalid_request_error","message":"m","code":"invalid_request","param":"a.b"}}`},
		{"not found", llm.Error{Class: llm.ModelGone, Message: "m"}, `{"type":"error","error":{"type":"not_found_error","message":"m"}}`},
		{"by status", llm.Error{Class: llm.Quota, Status: 402, Message: "m"}, `{"type":"error","error":{"type":"billing_error","message":"m"}}`},
		{"the vendor's own", llm.Error{Class: llm.BadRequest, Dialect: own, Kind: "zz_error", Message: "m"}, `{"type":"error","error":{"type":"zz_error","message":"m"}}`},
		{"of our key", llm.Error{Class: llm.Credential, Kind: "authentication_error", Message: "m", Dialect: own}, `{"type":"error","error":{"type":"api_error","message":"m"}}`},
	} {
		if got := string(Codec{}.EncodeError(&tt.err)); got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	for c := llm.BadRequest; c < llm.NumClasses; c++ {
		if kinds[c] == "" {
			t.Errorf("%v has no type", c)
		}
	}
}
