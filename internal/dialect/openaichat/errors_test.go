package openaichat

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

func TestDecodeError(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		class  llm.Class
		code   string
		text   string
	}{
		{"openai quota", 429, `{"error":{"message":"You exceeded your current quota, please check your plan","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, llm.Quota, "insufficient_quota", "You exceeded"},
		{"openai rate", 429, `{"error":{"message":"Rate limit reached for gpt-5 in organization org-x on tokens per min","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, llm.RateLimited, "rate_limit_exceeded", "Rate limit"},
		{"openai context", 400, `{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, llm.ContextLength, "context_length_exceeded", "This model"},
		{"vllm context", 400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000","type":"BadRequestError","param":null,"code":400}`, llm.ContextLength, "", "This model"},
		{"llama.cpp context", 400, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, llm.ContextLength, "", "the request"},
		{"key", 401, `{"error":{"message":"Incorrect API key provided: sk-abc","type":"invalid_request_error","code":"invalid_api_key"}}`, llm.Credential, "invalid_api_key", "the provider refused"},
		{"xai key", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***"}`, llm.Credential, "Client specified an invalid argument", "the provider refused"},
		{"model", 404, `{"error":{"message":"The model x does not exist","type":"invalid_request_error","code":"model_not_found"}}`, llm.ModelGone, "model_not_found", "The model"},
		{"azure deployment", 404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, llm.ModelGone, "DeploymentNotFound", "The API"},
		{"azure filter", 400, `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, llm.Filtered, "content_filter", "The response"},
		{"mistral", 422, `{"object":"error","message":"Input should be a valid string","type":"invalid_request","param":null,"code":null}`, llm.BadRequest, "", "Input"},
		{"fastapi", 422, `{"detail":[{"loc":["body"],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]}`, llm.BadRequest, "", "Extra"},
		{"openrouter inner", 400, `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"prompt is too long: 9 tokens\"}}","provider_name":"Anthropic"}}}`, llm.ContextLength, "", "Provider returned error: prompt is too long"},
		{"openrouter credits", 402, `{"error":{"message":"Insufficient credits","code":402}}`, llm.Quota, "", "Insufficient"},
		{"deepseek balance", 402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`, llm.Quota, "invalid_request_error", "Insufficient"},
		{"google array", 429, `[{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}]`, llm.RateLimited, "", "Resource"},
		{"parameter", 400, `{"error":{"message":"Unsupported parameter: 'x'","type":"invalid_request_error","param":"x","code":"unsupported_parameter"}}`, llm.Unsupported, "unsupported_parameter", "Unsupported"},
		{"region", 403, `{"error":{"code":"unsupported_country_region_territory","message":"Country not supported"}}`, llm.Access, "unsupported_country_region_territory", "Country"},
		{"html", 502, `<html><body>Bad gateway</body></html>`, llm.Overloaded, "", "the provider answered with status 502"},
		{"nothing", 503, ``, llm.Overloaded, "", "the provider answered with status 503"},
		{"timeout", 504, `upstream timed out`, llm.Timeout, "", "the provider"},
		{"too large", 413, `{}`, llm.ContextLength, "", "the provider"},
		{"teapot", 418, `{}`, llm.BadRequest, "", "the provider"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := Codec{}.DecodeError(tt.status, http.Header{}, []byte(tt.body))
			if e.Class != tt.class || e.Code != tt.code || e.Status != tt.status || !strings.HasPrefix(e.Message, tt.text) || string(e.Raw) != tt.body || e.Dialect != own {
				t.Errorf("%+v", e)
			}
		})
	}
	long := Codec{}.DecodeError(400, nil, []byte(`{"error":{"message":"`+strings.Repeat("é", 4000)+`"}}`))
	if len(long.Message) > maxMessage || !strings.HasSuffix(long.Message, "é") {
		t.Errorf("message of %d bytes", len(long.Message))
	}
}

func TestRetryAfter(t *testing.T) {
	const now = "Tue, 24 Nov 2026 12:00:00 GMT"
	for _, tt := range []struct {
		name   string
		header []string
		body   string
		want   time.Duration
	}{
		{"seconds", []string{"Retry-After", "7"}, "", 7 * time.Second},
		{"milliseconds first", []string{"Retry-After", "7", "Retry-After-Ms", "250"}, "", 250 * time.Millisecond},
		{"date", []string{"Retry-After", "Tue, 24 Nov 2026 12:00:30 GMT", "Date", now}, "", 30 * time.Second},
		{"date without a clock", []string{"Retry-After", "Tue, 24 Nov 2026 12:00:30 GMT"}, "", 0},
		{"date gone by", []string{"Retry-After", "Tue, 24 Nov 2026 11:00:00 GMT", "Date", now}, "", 0},
		{"used up", []string{"X-Ratelimit-Remaining-Requests", "3", "X-Ratelimit-Reset-Requests", "120ms", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "6m0s"}, "", 6 * time.Minute},
		{"not said which", []string{"X-Ratelimit-Reset-Requests", "20m9.6s", "X-Ratelimit-Reset-Tokens", "5.42s"}, "", 5420 * time.Millisecond},
		{"openrouter", []string{"X-Ratelimit-Reset", "1795521605000", "X-Ratelimit-Remaining", "0", "Date", now}, "", 5 * time.Second},
		{"google", nil, `[{"error":{"code":429,"message":"x","details":[{"@type":"q"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"12.5s"}]}}]`, 12500 * time.Millisecond},
		{"nothing", nil, "", 0},
		{"nonsense", []string{"Retry-After", "soon", "X-Ratelimit-Reset-Tokens", "later"}, "", 0},
	} {
		h := http.Header{}
		for i := 0; i+1 < len(tt.header); i += 2 {
			h.Set(tt.header[i], tt.header[i+1])
		}
		if got := (Codec{}).DecodeError(429, h, []byte(tt.body)).RetryAfter; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEncodeError(t *testing.T) {
	raw := `{"error":{"message":"x","type":"y","param":null,"code":"z","more":1}}`
	for _, tt := range []struct {
		name string
		err  llm.Error
		want string
	}{
		{"ours", llm.Error{Class: llm.Quota, Code: "budget_exceeded", Message: "spent"}, `{"error":{"message":"spent","type":"insufficient_quota","param":null,"code":"budget_exceeded"}}`},
		{"our key", llm.Error{Class: llm.Access, Status: 401, Message: "no"}, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`},
		{"our key, as a credential", llm.Error{Class: llm.Credential, Status: 401, Message: "no"}, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`},
		{"request", llm.Error{Class: llm.BadRequest, Code: "invalid_type", Param: "n", Message: "no"}, `{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"invalid_type"}}`},
		{"verbatim", llm.Error{Class: llm.BadRequest, Dialect: own, Raw: []byte(raw), Message: "x"}, raw},
		{"verbatim, but of a stream", llm.Error{Class: llm.RateLimited, Dialect: own, Raw: []byte("data: " + raw), Message: "x", Kind: "y", Code: "z"}, `{"error":{"message":"x","type":"y","param":null,"code":"z"}}`},
		{"their view of our key", llm.Error{Class: llm.Credential, Status: 401, Dialect: own, Raw: []byte(raw), Message: "refused", Code: "invalid_api_key", Kind: "k"}, `{"error":{"message":"refused","type":"server_error","param":null,"code":"upstream_credential"}}`},
		{"foreign", llm.Error{Class: llm.ContextLength, Dialect: llm.Anthropic, Kind: "invalid_request_error", Code: "x", Raw: []byte(`{"error":{}}`), Message: "long"}, `{"error":{"message":"long","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}`},
		{"no class", llm.Error{Message: "m"}, `{"error":{"message":"m","type":"server_error","param":null,"code":"gateway_error"}}`},
	} {
		if diff := cmp.Diff(tt.want, string(Codec{}.EncodeError(&tt.err))); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
	for c := llm.BadRequest; c < llm.NumClasses; c++ {
		if kinds[c].kind == "" {
			t.Errorf("class %v has no word", c)
		}
	}
}
