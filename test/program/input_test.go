package program

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"tidegate/test/rig"
)

// TestBadInput has clients' mistakes: each is told in the shape of the surface that was called, with a code of its own.
func TestBadInput(t *testing.T) {
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Config: `
auth: required
server: { max_body: 64KB }
keys:
  - { name: all, key: tg-key-that-may-everything }
  - { name: few, key: tg-key-that-may-little-only, models: [openai/echo] }
  - { name: old, key: tg-key-that-is-long-expired, expires_at: 2020-01-01 }
` + rig.Providers(up.URL, `  nokey: { type: mistral }`)})
	const good = "tg-key-that-may-everything"
	large := `{"model":"openai/echo","messages":[{"role":"user","content":"` + strings.Repeat("x", 70<<10) + `"}]}`
	for _, tc := range []struct {
		name, path, key, body string
		status                int
		code, says            string
	}{
		{"no JSON", chat, good, `{"model":`, 400, "invalid_json", "JSON"},
		{"not an object", chat, good, `[1,2]`, 400, "invalid_json", ""},
		{"nothing", chat, good, ``, 400, "invalid_json", ""},
		{"trailing text", chat, good, ask("openai/echo", false) + "x", 400, "invalid_json", ""},
		{"member twice", chat, good, `{"model":"openai/echo","model":"openai/chat","messages":[]}`, 400, "invalid_json", "duplicate member name at /model"},
		{"member twice, deep", chat, good, `{"model":"openai/echo","messages":[{"role":"user","content":"a","content":"b"}]}`, 400, "invalid_json", "duplicate member name at /messages/0/content"},
		{"invalid UTF-8", chat, good, "{\"model\":\"openai/echo\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}", 400, "invalid_json", ""},
		{"no model", chat, good, `{"messages":[{"role":"user","content":"a"}]}`, 400, "missing_required_parameter", "model"},
		{"unknown model", chat, good, ask("gpt-99", false), 404, "model_not_found", "gpt-99"},
		{"unknown model, stream", chat, good, ask("gpt-99", true), 404, "model_not_found", "gpt-99"},
		{"provider without a key", chat, good, ask("nokey/large", false), 503, "no_target", "has no API key"},
		{"provider not configured", chat, good, ask("groq/llama", false), 404, "model_not_found", "GROQ_API_KEY"},
		{"model not allowed", chat, "tg-key-that-may-little-only", ask("openai/chat", false), 403, "model_not_allowed", "openai/chat"},
		{"too large", chat, good, large, 413, "request_too_large", "64 KB"},
		{"wrong key", chat, "tg-no-such-key-at-all", ask("openai/echo", false), 401, "invalid_api_key", ""},
		{"no key", chat, "", ask("openai/echo", false), 401, "", ""},
		{"expired key", chat, "tg-key-that-is-long-expired", ask("openai/echo", false), 401, "", "expired"},
		{"no such path", "/v1/chat/completion", good, `{}`, 404, "unknown_path", "/v1/chat/completion"},
		{"Anthropic, no JSON", "/v1/messages", good, `{"model":`, 400, "invalid_json", ""},
		{"Anthropic, unknown model", "/v1/messages", good, `{"model":"gpt-99","max_tokens":9,"messages":[{"role":"user","content":"a"}]}`, 404, "model_not_found", "gpt-99"},
		{"Anthropic, wrong key", "/v1/messages", "tg-no-such-key-at-all", `{}`, 401, "invalid_api_key", ""},
		{"Gemini, no JSON", "/v1beta/models/openai/echo:generateContent", good, `{`, 400, "invalid_json", ""},
		{"Gemini, unknown model", "/v1beta/models/gpt-99:generateContent", good, `{"contents":[{"parts":[{"text":"a"}]}]}`, 404, "model_not_found", "gpt-99"},
		{"Gemini, no such action", "/v1beta/models/openai/echo:fly", good, `{}`, 404, "unknown_path", "fly"},
		{"Gemini, stream without alt", "/v1beta/models/openai/echo:streamGenerateContent", good, `{"contents":[{"parts":[{"text":"a"}]}]}`, 400, "unsupported_stream", "alt=sse"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var head []string
			if tc.key != "" {
				head = []string{"Authorization", "Bearer " + tc.key}
			}
			a := g.Post(t, tc.path, tc.body, head...)
			if a.Status != tc.status {
				t.Errorf("status %d, want %d: %s", a.Status, tc.status, a.Body)
			}
			code, message := problem(t, tc.path, a.Body)
			if tc.code != "" && code != tc.code {
				t.Errorf("code %q, want %q: %s", code, tc.code, a.Body)
			}
			if code == "" || message == "" || !strings.Contains(message, tc.says) {
				t.Errorf("it says %q", message)
			}
			for _, key := range []string{tc.key, "key-of-openai", g.Dir} {
				if key != "" && strings.Contains(a.Body, key) {
					t.Errorf("it gives %q away: %s", key, a.Body)
				}
			}
		})
	}
	if got := len(up.Received(t)); got != 0 {
		t.Errorf("%d requests reached the upstream", got)
	}
	if a := g.Post(t, chat, ask("openai/echo", false), "Authorization", "Bearer "+good); a.Status != 200 {
		t.Errorf("after all that: status %d: %s", a.Status, a.Body)
	}
	for _, place := range []string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
		if a := g.Post(t, "/chat/completions", ask("openai/echo", false), place, good); a.Status != 200 {
			t.Errorf("key in %s: status %d: %s", place, a.Status, a.Body)
		}
	}
}

// problem reads an error in the shape of the surface.
func problem(t *testing.T, path, body string) (code, message string) {
	t.Helper()
	var doc struct {
		Type  string
		Error struct {
			Message, Type, Status string
			Code                  any
			Details               []struct{ Reason string }
		}
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("no JSON: %s", body)
	}
	e := &doc.Error
	code, _ = e.Code.(string)
	switch {
	case strings.Contains(path, "/messages"):
		if doc.Type != "error" || e.Type == "" {
			t.Errorf("not Anthropic's shape: %s", body)
		}
	case strings.Contains(path, "v1beta"):
		if e.Status == "" {
			t.Errorf("not Google's shape: %s", body)
		}
		for _, d := range e.Details {
			code = d.Reason
		}
	default:
		if !regexp.MustCompile(`"param":`).MatchString(body) || e.Type == "" {
			t.Errorf("not OpenAI's shape: %s", body)
		}
	}
	return code, e.Message
}
