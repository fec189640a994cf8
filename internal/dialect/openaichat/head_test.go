package openaichat

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

func TestHead(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     llm.Head
	}{
		{"least", `{"model":"m","messages":[]}`, llm.Head{Model: "m", N: 1}},
		{"most", `{"messages":[{"role":"user","content":[{"type":"text","text":"\"image_url\""}]},{"role":"user","content":"x"}],"n":2,"stream":true,
			"stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":7,"tools":[{},{}],"functions":[{}],"user":"u",
			"metadata":{"task":"t"},"session_id":"s","model":"m"}`,
			llm.Head{Model: "m", Stream: true, Usage: true, MaxTokens: 7, N: 2, Messages: 2, Tools: 3, User: "u", Task: "t", Session: "s"}},
		{"nulls", `{"model":"m","messages":[],"stream":null,"n":null,"user":null,"max_tokens":null}`, llm.Head{Model: "m", N: 1}},
		{"media", `{"model":"m","max_tokens":5,"messages":[{"content":null},{"content":[{"type":"text"},{"type":"image_url"}]}]}`, llm.Head{Model: "m", N: 1, MaxTokens: 5, Messages: 2, Media: true}},
	} {
		got, err := Codec{}.Head([]byte(tt.in))
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestHeadErrors(t *testing.T) {
	for in, want := range map[string]struct{ code, param string }{
		``:                             {"invalid_json", ""},
		`[]`:                           {"invalid_json", ""},
		`{"model":"m"`:                 {"invalid_json", ""},
		`{"model":"a","model":"b"}`:    {"invalid_json", "/model"},
		"{\"model\":\"\xff\"}":         {"invalid_json", ""},
		`{"messages":[]}`:              {"missing_required_parameter", "model"},
		`{"model":"","messages":[]}`:   {"missing_required_parameter", "model"},
		`{"model":1,"messages":[]}`:    {"invalid_type", "model"},
		`{"model":"m"}`:                {"missing_required_parameter", "messages"},
		`{"model":"m","messages":"x"}`: {"invalid_type", "messages"},
		`{"model":"m","messages":[],"stream":"yes"}`:     {"invalid_type", "stream"},
		`{"model":"m","messages":[],"n":"2"}`:            {"invalid_type", "n"},
		`{"model":"m","messages":[],"max_tokens":"all"}`: {"invalid_type", "max_tokens"},
	} {
		_, err := Codec{}.Head([]byte(in))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Class != llm.BadRequest || e.Code != want.code || e.Param != want.param {
			t.Errorf("%s: %+v", in, err)
		}
	}
}

func TestPatch(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		to       llm.Target
		want     string
	}{
		{"nothing", `{"model":"m",  "temperature":1.0,"messages":[]}`, llm.Target{Model: "m"}, `{"model":"m",  "temperature":1.0,"messages":[]}`},
		{"model", `{ "model":"m", "messages":[]}`, llm.Target{Model: `n"x`}, `{ "model":"n\"x", "messages":[]}`},
		{"usage", `{"model":"m","stream":true,"messages":[]}`, llm.Target{Model: "m"}, `{"model":"m","stream":true,"messages":[],"stream_options":{"include_usage":true}}`},
		{"usage asked", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`, llm.Target{Model: "m"}, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`},
		{"usage refused", `{"model":"m","stream":true,"stream_options":{"include_usage":false,"x":1},"messages":[]}`, llm.Target{Model: "m"}, `{"model":"m","stream":true,"stream_options":{"include_usage":true,"x":1},"messages":[]}`},
		{"options null", `{"model":"m","stream":true,"stream_options":null,"messages":[]}`, llm.Target{Model: "m"}, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`},
		{"no options", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`, llm.Target{Model: "m", Quirks: &llm.Quirks{NoStreamOptions: true}}, `{"model":"m","stream":true,"messages":[]}`},
		{"limit", `{"model":"m","max_completion_tokens":1e2,"messages":[]}`, llm.Target{Model: "m", Quirks: &llm.Quirks{MaxTokens: "max_tokens"}}, `{"model":"m","max_tokens":1e2,"messages":[]}`},
		{"both limits", `{"model":"m","max_completion_tokens":1,"max_tokens":2,"messages":[]}`, llm.Target{Model: "m", Quirks: &llm.Quirks{MaxTokens: "max_tokens"}}, `{"model":"m","max_tokens":2,"messages":[]}`},
		{"developer", `{"model":"m","messages":[ {"role" : "developer","content":"developer"},{"role":"user"},{"role":"developer"}],"z":1}`, llm.Target{Model: "m", Quirks: &llm.Quirks{NoDeveloper: true}},
			`{"model":"m","messages":[ {"role" : "system","content":"developer"},{"role":"user"},{"role":"system"}],"z":1}`},
	} {
		head, err := Codec{}.Head([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Codec{}.Patch([]byte(tt.in), &head, tt.to)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got, tt.want)
		}
	}
	for _, tt := range []struct{ name, in, want, issuer string }{
		{"another's seals", sealed("anthropic", "google"), `{"role":"assistant","content":"c","tool_calls":[{"id":"1"}]}`, "openai"},
		{"its own thought", sealed("openrouter", "google"), `{"role":"assistant","content":"c","reasoning_content":"t","reasoning_details":[{"type":"reasoning.text","text":"t","signature":"D","format":"unknown","index":0}],"tool_calls":[{"id":"1"}]}`, "openrouter"},
		{"its own signature", sealed("anthropic", "google"), `{"role":"assistant","content":"c","tool_calls":[{"id":"1","extra_content":{"google":{"thought_signature":"D"}}}]}`, "google"},
		{"not ours", `{"role":"assistant","reasoning_details":[{"type":"reasoning.text","signature":"x"}]}`, `{"role":"assistant","reasoning_details":[{"type":"reasoning.text","signature":"x"}]}`, "openai"},
	} {
		in := `{"model":"m","messages":[` + tt.in + `,{"role":"user","content":"tg1. is a mark"}]}`
		got, err := Codec{}.Patch([]byte(in), &llm.Head{Model: "m"}, llm.Target{Model: "m", Issuer: tt.issuer})
		if want := `{"model":"m","messages":[` + tt.want + `,{"role":"user","content":"tg1. is a mark"}]}`; err != nil || string(got) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got, want)
		}
	}
	body := []byte(`{"model":"m","messages":[ {"role":"user","content":"tg1. is a mark"} ]}`)
	if got, _ := (Codec{}).Patch(body, &llm.Head{Model: "m"}, llm.Target{Model: "m"}); &got[0] != &body[0] {
		t.Error("a document that needs no edit was copied")
	}
}

// sealed is a message with the seals of two issuers: one of its thought, one of its call.
func sealed(thought, call string) string {
	t, c := llm.Seal{Issuer: thought, Data: "D"}, llm.Seal{Issuer: call, Data: "D"}
	return `{"role":"assistant","content":"c","reasoning_content":"t","reasoning_details":[{"type":"reasoning.text","text":"t","signature":"` + t.Wrap() + `"}],` +
		`"tool_calls":[{"id":"1","extra_content":{"google":{"thought_signature":"` + c.Wrap() + `"}}}]}`
}
