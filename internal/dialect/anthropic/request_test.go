package anthropic

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

func TestHead(t *testing.T) {
	long := `{"model":"m","max_tokens":9,"stream":true,"metadata":{"user_id":"{\"session_id\":\"s1\"}","task":"x"},` +
		`"tools":[{},{}],"messages":[{"role":"user","content":"say \"image\""},{"role":"user","content":[{"type":"tool_result","content":[{"type":"image"}]}]}]}`
	for _, tt := range []struct {
		name, body  string
		want        llm.Head
		param, code string
	}{
		{"all", long, llm.Head{Model: "m", Stream: true, Usage: true, MaxTokens: 9, N: 1, Messages: 2, Tools: 2, Media: true,
			User: `{"session_id":"s1"}`, Task: "x", Session: "s1"}, "", ""},
		{"word in text", `{"model":"m","messages":[{"role":"user","content":"an \"image\""}]}`, llm.Head{Model: "m", N: 1, Messages: 1}, "", ""},
		{"old user id", `{"model":"m","messages":[],"metadata":{"user_id":"user_a_account__session_b-c"}}`,
			llm.Head{Model: "m", N: 1, User: "user_a_account__session_b-c", Session: "b-c"}, "", ""},
		{"no model", `{"messages":[]}`, llm.Head{}, "model", "missing_required_parameter"},
		{"model twice", `{"model":"a","model":"b","messages":[]}`, llm.Head{}, "/model", "invalid_json"},
		{"twice inside", `{"model":"a","messages":[{"role":"user","role":"x","content":""}]}`, llm.Head{}, "/messages/0/role", "invalid_json"},
		{"empty model", `{"model":"","messages":[]}`, llm.Head{}, "model", "missing_required_parameter"},
		{"model no text", `{"model":5,"messages":[]}`, llm.Head{}, "model", "missing_required_parameter"},
		{"no messages", `{"model":"m"}`, llm.Head{}, "messages", "missing_required_parameter"},
		{"messages no array", `{"model":"m","messages":{}}`, llm.Head{}, "messages", "invalid_type"},
		{"stream no bool", `{"model":"m","stream":1,"messages":[]}`, llm.Head{}, "stream", "invalid_type"},
		{"max_tokens text", `{"model":"m","max_tokens":"9","messages":[]}`, llm.Head{}, "max_tokens", "invalid_type"},
		{"tools no array", `{"model":"m","messages":[],"tools":{}}`, llm.Head{}, "tools", "invalid_type"},
		{"trailing", `{"model":"m","messages":[]}x`, llm.Head{}, "", "invalid_json"},
		{"no object", `[]`, llm.Head{}, "", "invalid_json"},
		{"bad utf8", "{\"model\":\"\xff\",\"messages\":[]}", llm.Head{}, "", "invalid_json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Codec{}.Head([]byte(tt.body))
			if tt.code != "" {
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != llm.BadRequest || e.Code != tt.code || e.Param != tt.param {
					t.Fatalf("%#v", err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestPatch(t *testing.T) {
	body := []byte(`{"zz": 1.0, "model" : "a", "messages":[]}`)
	got, err := Codec{}.Patch(body, &llm.Head{Model: "a"}, llm.Target{Model: "b"})
	if want := `{"zz": 1.0, "model" : "b", "messages":[]}`; string(got) != want || err != nil {
		t.Errorf("%s %v", got, err)
	}
	if got, _ := (Codec{}).Patch(body, &llm.Head{Model: "a"}, llm.Target{Model: "a"}); &got[0] != &body[0] {
		t.Error("copied without need")
	}
}

// Foreign seals in a conversation of this dialect never reach the target, and its own go back as they were.
func TestPatchSeals(t *testing.T) {
	google, ours := (&llm.Seal{Issuer: "google", Data: "g"}).Wrap(), (&llm.Seal{Issuer: issuer, Data: "s\"1"}).Wrap()
	thinking := func(signature string) string {
		return `{"type":"thinking", "thinking":"","signature":"` + signature + `"}`
	}
	body := `{"model":"m","messages":[ {"role":"user","content":"tg1. \"tg1.x\""},{"role":"assistant", "content":[` + thinking(google) + `, {"type":"text","text":"a"},` +
		thinking(ours) + `,` + thinking("plain") + `,{"type":"redacted_thinking","data":"` + google + `"}]},{"role":"assistant","content":[` + thinking(google) + `]}],"zz":1.0}`
	want := `{"model":"m","messages":[{"role":"user","content":"tg1. \"tg1.x\""},{"role":"assistant", "content":[{"type":"text","text":"a"},` +
		thinking(`s\"1`) + `,` + thinking("plain") + `]}],"zz":1.0}`
	got, err := Codec{}.Patch([]byte(body), &llm.Head{Model: "m"}, llm.Target{Model: "m", Issuer: issuer})
	if string(got) != want || err != nil {
		t.Errorf("%v %s", err, got)
	}
	clean := []byte(want)
	if got, _ := (Codec{}).Patch(clean, &llm.Head{Model: "m"}, llm.Target{Model: "m", Issuer: issuer}); &got[0] != &clean[0] {
		t.Error("copied without need")
	}
}

func TestTraits(t *testing.T) {
	for _, tt := range []struct {
		model            string
		adaptive, budget bool
		off              string
		output           int64
	}{
		{"claude-3-opus-20240229", false, false, "disabled", 4096},
		{"claude-2.1", false, false, "disabled", 4096},
		{"claude-3-5-haiku@20241022", false, false, "disabled", 8192},
		{"claude-3-7-sonnet-latest", false, true, "disabled", 64_000},
		{"claude-opus-4-20250514", false, true, "disabled", 32_000},
		{"claude-sonnet-4-0", false, true, "disabled", 64_000},
		{"claude-opus-4-1-20250805", false, true, "disabled", 32_000},
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", false, true, "disabled", 64_000},
		{"claude-haiku-4-5", false, true, "disabled", 64_000},
		{"anthropic/claude-opus-4.6", true, true, "disabled", 128_000},
		{"claude-opus-4-7", true, false, "disabled", 128_000},
		{"claude-sonnet-5", true, false, "disabled", 128_000},
		{"claude-fable-5", true, false, "", 128_000},
		{"claude-mythos-preview", true, false, "", 128_000},
		{"claude-opus-5-5", true, false, "", 128_000},
		{"claude-sonnet-5-5", true, false, "between_tools", 128_000},
		{"claude-opus-7", true, false, "", 128_000},
		{"claude-latest", true, false, "", 128_000},
		{"MiniMax-M2", false, true, "disabled", 8192},
	} {
		got := traitsOf(tt.model)
		if got.adaptive != tt.adaptive || got.budget != tt.budget || got.off != tt.off || got.output != tt.output {
			t.Errorf("%s: %+v", tt.model, got)
		}
	}
}

// user is a conversation of one question.
func user(more func(c *llm.Chat)) *llm.Chat {
	c := &llm.Chat{Messages: []llm.Message{said(llm.RoleUser, llm.Text{Text: "Hi"})}}
	if more != nil {
		more(c)
	}
	return c
}

func said(role llm.Role, parts ...llm.Part) llm.Message { return llm.Message{Role: role, Parts: parts} }

const hi = `[{"role":"user","content":"Hi"}]`

// What a request says in the dialect, and what it cannot.
func TestEncodeRequest(t *testing.T) {
	const sonnet45, opus46, opus48, sonnet55 = "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-5-5"
	fn := func(name string) llm.Tool { return llm.Tool{Name: name, Schema: []byte(`{"type":"object"}`)} }
	schema := []byte(`{"type":"object","properties":{"n":{"type":"integer","minimum":1,"description":"N"}}}`)
	for _, tt := range []struct {
		name, model string
		chat        *llm.Chat
		want        string   // behind the model
		losses      []string // path, with ! in front when grave
	}{
		{"least", sonnet45, user(nil), `"max_tokens":64000,"messages":` + hi, nil},
		{"least for another maker", "MiniMax-M2", user(nil), `"max_tokens":8192,"messages":` + hi, nil},
		{"order", sonnet45, user(func(c *llm.Chat) {
			c.Stream, c.User, c.Tier = true, "u", "default"
			c.System = []llm.Part{llm.Text{Text: "S", Mark: &llm.CacheMark{TTL: time.Hour}}}
			c.Tools = []llm.Tool{{Name: "f", Description: "d", Strict: new(false), Mark: &llm.CacheMark{}}}
			c.Sampling = llm.Sampling{MaxTokens: new(int64(5)), Temperature: new(0.5), TopK: new(int64(3)), Stop: []string{"x"}}
			c.Ext = llm.Ext{own: []byte(`{"zz":{"a":1}}`)}
		}), `"system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h"}}],` +
			`"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}},"strict":false,"cache_control":{"type":"ephemeral"}}],` +
			`"max_tokens":5,"temperature":0.5,"top_k":3,"stop_sequences":["x"],"metadata":{"user_id":"u"},"service_tier":"standard_only",` +
			`"zz":{"a":1},"stream":true,"messages":` + hi, nil},
		{"effort becomes a budget", sonnet45, user(func(c *llm.Chat) {
			c.Thinking.Effort, c.Sampling.MaxTokens = "medium", new(int64(10_000))
		}), `"max_tokens":10000,"thinking":{"type":"enabled","budget_tokens":5000},"messages":` + hi, nil},
		{"effort leaves no room", sonnet45, user(func(c *llm.Chat) {
			c.Thinking.Effort, c.Sampling.MaxTokens = "high", new(int64(1000))
		}), `"max_tokens":1000,"messages":` + hi, []string{"thinking"}},
		{"budget above max_tokens", sonnet45, user(func(c *llm.Chat) {
			c.Thinking.Budget, c.Sampling.MaxTokens = new(int64(4000)), new(int64(2000))
		}), `"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1899},"messages":` + hi, []string{"thinking.budget"}},
		{"effort stays", opus48, user(func(c *llm.Chat) { c.Thinking.Effort = "xhigh" }),
			`"max_tokens":128000,"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"},"messages":` + hi, nil},
		{"effort is clamped", opus46, user(func(c *llm.Chat) { c.Thinking.Effort = "xhigh" }),
			`"max_tokens":128000,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},"messages":` + hi, []string{"thinking.effort"}},
		{"minimal effort", opus48, user(func(c *llm.Chat) { c.Thinking.Effort = "minimal" }),
			`"max_tokens":128000,"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"messages":` + hi, nil},
		{"no effort", sonnet55, user(func(c *llm.Chat) { c.Thinking.Effort = "none" }),
			`"max_tokens":128000,"thinking":{"type":"between_tools"},"messages":` + hi, nil},
		{"cannot be off", "claude-opus-5-5", user(func(c *llm.Chat) { c.Thinking.Off = true }),
			`"max_tokens":128000,"messages":` + hi, []string{"thinking"}},
		{"show thoughts", opus48, user(func(c *llm.Chat) { c.Thinking.Display = "show" }),
			`"max_tokens":128000,"thinking":{"type":"adaptive","display":"summarized"},"messages":` + hi, nil},
		{"sampling while it thinks", sonnet45, user(func(c *llm.Chat) {
			c.Thinking.Budget = new(int64(2000))
			c.Sampling = llm.Sampling{Temperature: new(0.2), TopP: new(0.97), TopK: new(int64(4))}
		}), `"max_tokens":64000,"top_p":0.97,"thinking":{"type":"enabled","budget_tokens":2000},"messages":` + hi, []string{"temperature", "top_k"}},
		{"sampling of the newest", opus48, user(func(c *llm.Chat) {
			c.Sampling = llm.Sampling{Temperature: new(0.2), TopP: new(1.0), Seed: new(int64(1)), N: new(int64(2)), Logprobs: new(true)}
		}), `"max_tokens":128000,"messages":` + hi, []string{"temperature", "seed", "!n", "!logprobs"}},
		{"too hot", sonnet45, user(func(c *llm.Chat) {
			c.Sampling = llm.Sampling{Temperature: new(1.5), TopP: new(0.5), PresencePenalty: new(0.1), Stop: []string{"\n", "END"}}
		}), `"max_tokens":64000,"temperature":1,"stop_sequences":["END"],"messages":` + hi, []string{"temperature", "top_p", "!stop", "presence_penalty"}},
		{"forced call ends thinking", sonnet45, user(func(c *llm.Chat) {
			c.Thinking.Effort, c.Tools, c.Choice.Mode = "low", []llm.Tool{fn("f")}, llm.ToolAny
		}), `"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"max_tokens":64000,"messages":` + hi, []string{"thinking"}},
		{"forced call of the newest", sonnet55, user(func(c *llm.Chat) {
			c.Tools, c.Choice = []llm.Tool{fn("f")}, llm.ToolChoice{Mode: llm.ToolThis, Name: "f"}
		}), `"tools":[{"name":"f","input_schema":{"type":"object"}}],"max_tokens":128000,"messages":` + hi, []string{"!tool_choice"}},
		{"one call at a time", sonnet45, user(func(c *llm.Chat) {
			c.Tools, c.Choice.Parallel = []llm.Tool{fn("f")}, new(false)
		}), `"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"max_tokens":64000,"messages":` + hi, nil},
		{"allowed tools only", sonnet45, user(func(c *llm.Chat) {
			c.Tools, c.Choice = []llm.Tool{fn("f"), fn("g")}, llm.ToolChoice{Mode: llm.ToolAny, Allowed: []string{"g"}}
		}), `"tools":[{"name":"g","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"max_tokens":64000,"messages":` + hi, nil},
		{"tools that cannot be", sonnet45, user(func(c *llm.Chat) {
			c.Tools = []llm.Tool{{Kind: "web_search_preview", From: llm.OpenAIChat}, {Kind: "custom", Name: "c"}, fn("a.b")}
			c.Choice = llm.ToolChoice{Mode: llm.ToolThis, Name: "c"}
		}), `"max_tokens":64000,"messages":` + hi, []string{"!tools.0", "!tools.1", "!tools.2.name", "!tool_choice"}},
		{"own server tool", sonnet45, user(func(c *llm.Chat) {
			c.Tools = []llm.Tool{{Kind: "web_search_20250305", Name: "web_search", From: own, Raw: []byte(`{"type":"web_search_20250305","name":"web_search"}`)}, fn("web_search_2")}
		}), `"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"web_search_2","input_schema":{"type":"object"}}],"max_tokens":64000,"messages":` + hi, nil},
		{"schema", sonnet45, user(func(c *llm.Chat) { c.Output = llm.Output{Kind: "schema", Name: "x", Schema: schema} }),
			`"max_tokens":64000,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"n":{"type":"integer",` +
				`"description":"N {minimum: 1}"}},"additionalProperties":false}}},"messages":` + hi, []string{"response_format.schema"}},
		{"schema of an old model", "claude-sonnet-4-0", user(func(c *llm.Chat) { c.Output = llm.Output{Kind: "schema", Schema: schema} }),
			`"max_tokens":64000,"messages":` + hi, []string{"!response_format"}},
		{"JSON without schema", sonnet45, user(func(c *llm.Chat) { c.Output.Kind = "json" }), `"max_tokens":64000,"messages":` + hi, []string{"!response_format"}},
		{"foreign members", sonnet45, user(func(c *llm.Chat) {
			c.Ext = llm.Ext{llm.OpenAIChat: []byte(`{"store":true,"logit_bias":{}}`)}
			c.Output = llm.Output{Verbosity: "low", Modalities: []string{"text", "audio"}}
			c.Tier = "flex"
		}), `"max_tokens":64000,"messages":` + hi, []string{"service_tier", "store", "logit_bias", "verbosity", "!modalities"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, lost, err := Codec{}.EncodeRequest(tt.chat, llm.Target{Model: tt.model, Issuer: issuer})
			if err != nil {
				t.Fatal(err)
			}
			want := `{"model":"` + tt.model + `",` + tt.want + `}`
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.losses, names(lost)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func names(lost []llm.Loss) (out []string) {
	for _, l := range lost {
		name := l.Path
		if l.Grave {
			name = "!" + name
		}
		out = append(out, name)
	}
	return out
}

// How a conversation is laid out: turns, calls and their results, what cannot be carried.
func TestTurns(t *testing.T) {
	text := func(s string) llm.Part { return llm.Text{Text: s} }
	call := func(id, name, args string) llm.Part { return llm.Call{ID: id, Name: name, Args: args} }
	result := func(id string, parts ...llm.Part) llm.Part { return llm.Result{CallID: id, Parts: parts} }
	u, a, s := llm.RoleUser, llm.RoleAssistant, llm.RoleSystem
	const old, current = "claude-sonnet-4-5", "claude-opus-4-8"
	google := &llm.Seal{Issuer: "google", Data: "g"}
	ours := &llm.Seal{Issuer: issuer, Data: "sig"}
	for _, tt := range []struct {
		name, model string
		messages    []llm.Message
		want        string
		losses      []string
	}{
		{"neighbours merge", old, []llm.Message{said(u, text("a")), said(u, text("b")), said(a, text("c")), said(u, text("d"))},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]`, nil},
		{"empty turns go", old, []llm.Message{said(u, text("a")), said(a), said(u, text(" "), text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, []string{"messages.2.content.0"}},
		{"results come first", old, []llm.Message{said(u, text("a")), said(a, call("1", "f", ""), call("2", "g", `{"x":1.0}`)),
			said(u, text("b"), result("2", text("two")), result("1"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}},{"type":"tool_use","id":"2","name":"g","input":{"x":1.0}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"},{"type":"tool_result","tool_use_id":"2","content":"two"},{"type":"text","text":"b"}]}]`, nil},
		{"a late result moves", old, []llm.Message{said(u, text("a")), said(a, call("1", "f", "")), said(u, text("b")), said(a, text("c")), said(u, result("1", text("r")))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"r"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}]`, nil},
		{"a call without result", old, []llm.Message{said(u, text("a")), said(a, call("1", "f", "")), said(u, text("b"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"The tool was not run.","is_error":true},{"type":"text","text":"b"}]}]`, []string{"messages.1.content.0"}},
		{"a result without call", old, []llm.Message{said(u, text("a"), llm.Result{CallID: "9", Name: "f", Parts: []llm.Part{text("r")}})},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"Result of a tool call (f 9)\nr"}]}]`, []string{"messages.0.content.1"}},
		{"a result without call, with a picture", old, []llm.Message{said(u, llm.Result{CallID: "9", Parts: []llm.Part{text("r"), llm.Media{URL: "https://x.org/a.png"},
			llm.Opaque{From: own, Kind: "tool_reference", Raw: []byte(`{"type":"tool_reference"}`)}}}, text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"Result of a tool call (9)\nr"},{"type":"image","source":{"type":"url","url":"https://x.org/a.png"}},{"type":"text","text":"b"}]}]`,
			[]string{"messages.0.content.0", "!messages.0.content.0.content.2"}},
		{"ids used again, and odd ones", old, []llm.Message{said(u, text("a")), said(a, call("f:0", "f", "")), said(u, result("f:0", text("1"))),
			said(a, call("f:0", "f", "")), said(u, result("f:0", text("2")))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"f_0_yg32tn","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"f_0_yg32tn","content":"1"}]},` +
				`{"role":"assistant","content":[{"type":"tool_use","id":"f_0_yg32tn_2","name":"f","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"f_0_yg32tn_2","content":"2"}]}]`, nil},
		{"broken arguments", old, []llm.Message{said(u, text("a")), said(a, call("1", "f", `{"a":`)), said(u, result("1"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"arguments":"{\"a\":"}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}]`, []string{"messages.1.content.0.arguments"}},
		{"a system message in place", current, []llm.Message{said(u, text("a")), said(s, text("b")), said(a, text("c")), said(u, text("d"))},
			`[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"}]`, nil},
		{"a system message as the user's", old, []llm.Message{said(u, text("a")), said(s, text("b"))},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`, []string{"messages.1.role"}},
		{"the assistant first", old, []llm.Message{said(a, text("a")), said(u, text("b"))},
			`[{"role":"user","content":"(The conversation begins.)"},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]`, []string{"messages"}},
		{"nobody at all", old, nil, `[{"role":"user","content":"(The conversation begins.)"}]`, []string{"messages"}},
		{"a prefill", old, []llm.Message{said(u, text("a")), said(a, text("b \n"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]`, []string{"messages.1.content.0"}},
		{"no prefill", current, []llm.Message{said(u, text("a")), said(a, text("b"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"Continue."}]`, []string{"!messages"}},
		{"a paused turn", current, []llm.Message{said(u, text("a")), said(a, llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte(`{"type":"server_tool_use"}`)})},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"server_tool_use"}]}]`, nil},
		{"thoughts", old, []llm.Message{said(u, text("a")),
			said(a, llm.Thought{Text: "t", Seal: ours}, llm.Thought{Redacted: true, Seal: ours}, llm.Thought{Text: "g", Seal: google}, llm.Thought{Text: "bare"}, text("c")), said(u, text("d"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"sig"},{"type":"redacted_thinking","data":"sig"},{"type":"text","text":"c"}]},` +
				`{"role":"user","content":"d"}]`, []string{"messages.1.content.2", "messages.1.content.3"}},
		{"foreign parts", old, []llm.Message{said(u, text("a"), llm.Opaque{From: llm.Gemini, Kind: "executableCode"}), said(a, llm.Call{ID: "1", Name: "f", Seal: google}), said(u, result("1"))},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}]`,
			[]string{"!messages.0.content.1", "messages.1.content.0.signature"}},
		{"media", old, []llm.Message{said(u,
			llm.Media{Type: "image/png", Data: []byte("x"), Detail: "high"},
			llm.Media{Type: "image/*", URL: "https://h/x"},
			llm.Media{URL: "https://h/x.pdf?y"},
			llm.Media{Type: "application/pdf", Name: "N", Data: []byte("x")},
			llm.Media{Type: "text/markdown; charset=utf-8", Data: []byte("# x")},
			llm.Media{FileID: "file_1"},
			llm.Media{FileID: "file-1"}, llm.Media{Type: "audio/wav", Data: []byte("x")}, llm.Media{Type: "image/png", URL: "gs://x"})},
			`[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"eA=="}},` +
				`{"type":"image","source":{"type":"url","url":"https://h/x"}},{"type":"document","source":{"type":"url","url":"https://h/x.pdf?y"}},` +
				`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"eA=="},"title":"N"},` +
				`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"# x"}},{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]`,
			[]string{"messages.0.content.0.detail", "!messages.0.content.6", "!messages.0.content.7", "!messages.0.content.8"}},
		{"a result with a document", old, []llm.Message{said(u, text("a")), said(a, call("1", "f", "{}")),
			said(u, llm.Result{CallID: "1", Failed: true, Mark: &llm.CacheMark{TTL: 5 * time.Minute}, Parts: []llm.Part{text("r"), llm.Media{Type: "application/pdf", Data: []byte("x")}}})},
			`[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1",` +
				`"content":[{"type":"text","text":"r"},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"eA=="}}],"is_error":true,"cache_control":{"type":"ephemeral","ttl":"5m"}}]}]`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, lost, err := Codec{}.EncodeRequest(&llm.Chat{Messages: tt.messages}, llm.Target{Model: tt.model, Issuer: issuer})
			if err != nil {
				t.Fatal(err)
			}
			_, messages, _ := strings.Cut(string(got), `"messages":`)
			if diff := cmp.Diff(tt.want+"}", messages); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.losses, names(lost)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A tool loop whose turn has no signed thought cannot go on with thinking where the vendor wants one in front.
func TestThinkingInToolLoop(t *testing.T) {
	loop := func(first ...llm.Part) *llm.Chat {
		return &llm.Chat{
			Thinking: llm.Thinking{Effort: "high"},
			Messages: []llm.Message{
				said(llm.RoleUser, llm.Text{Text: "a"}),
				said(llm.RoleAssistant, append(first, llm.Call{ID: "1", Name: "f"})...),
				said(llm.RoleUser, llm.Result{CallID: "1"}),
			},
		}
	}
	signed := llm.Thought{Text: "t", Seal: &llm.Seal{Issuer: issuer, Data: "s"}}
	for _, tt := range []struct {
		name, model string
		chat        *llm.Chat
		thinks      bool
	}{
		{"unsigned, budget", "claude-sonnet-4-5", loop(), false},
		{"signed, budget", "claude-sonnet-4-5", loop(signed), true},
		{"unsigned, adaptive", "claude-opus-4-8", loop(), true},
	} {
		got, _, _ := Codec{}.EncodeRequest(tt.chat, llm.Target{Model: tt.model, Issuer: issuer})
		if strings.Contains(string(got), `"thinking":{`) != tt.thinks {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// What decoding makes of a request, member by member.
func TestDecodeRequest(t *testing.T) {
	five, hour := &llm.CacheMark{TTL: 5 * time.Minute}, &llm.CacheMark{TTL: time.Hour}
	body := `{"model":"m","system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":""}],
		"messages":[
			{"role":"user","content":"q"},
			{"role":"assistant","content":[
				{"type":"thinking","thinking":"t","signature":"s"},
				{"type":"redacted_thinking","data":"tg1.openai.ZQ"},
				{"type":"thinking","thinking":"","signature":"tg1.google.Zw"},
				{"type":"tool_use","id":"1","name":"f","input":{"a": 1.0},"caller":{"type":"direct"}},
				{"type":"server_tool_use","id":"2","name":"web_search","input":{}}]},
			{"role":"user","content":[
				{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"r"},{"type":"tool_reference","tool_name":"x"}],"is_error":true,"cache_control":{"type":"ephemeral","ttl":"5m"}},
				{"type":"image","source":{"type":"base64","media_type":"image/png","data":"eA=="}},
				{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"},"title":"T","citations":{"enabled":true}},
				{"type":"document","source":{"type":"content","content":"c"}}]},
			{"role":"system","content":"later"}],
		"tools":[{"name":"f","type":"custom","input_schema":{"b":1,"a":2},"defer_loading":true},{"type":"bash_20250124","name":"bash"}],
		"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
		"max_tokens":7,"temperature":0,"stop_sequences":["x"],"thinking":{"type":"enabled","budget_tokens":1024,"display":"omitted"},
		"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}},"zz":1},
		"metadata":{"user_id":"u","zz":2},"service_tier":"auto","mcp_servers":[{"name":"n"}],"container":null}`
	want := &llm.Chat{
		Model: "m", System: []llm.Part{llm.Text{Text: "S", Mark: hour}},
		Messages: []llm.Message{
			said(llm.RoleUser, llm.Text{Text: "q"}),
			said(llm.RoleAssistant,
				llm.Thought{Text: "t", Seal: &llm.Seal{Issuer: "anthropic", Data: "s"}},
				llm.Thought{Redacted: true, Seal: &llm.Seal{Issuer: "openai", Data: "e"}},
				llm.Call{ID: "1", Name: "f", Args: `{"a": 1.0}`, Seal: &llm.Seal{Issuer: "google", Data: "g"}, Ext: llm.Ext{own: []byte(`{"caller":{"type":"direct"}}`)}},
				llm.Opaque{From: own, Kind: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"2","name":"web_search","input":{}}`)}),
			said(llm.RoleUser,
				llm.Result{CallID: "1", Failed: true, Mark: five, Parts: []llm.Part{llm.Text{Text: "r"}, llm.Opaque{From: own, Kind: "tool_reference", Raw: []byte(`{"type":"tool_reference","tool_name":"x"}`)}}},
				llm.Media{Type: "image/png", Data: []byte("x")},
				llm.Media{Type: "text/plain", Name: "T", Data: []byte("d"), Ext: llm.Ext{own: []byte(`{"citations":{"enabled":true}}`)}},
				llm.Opaque{From: own, Kind: "document", Raw: []byte(`{"type":"document","source":{"type":"content","content":"c"}}`)}),
			said(llm.RoleSystem, llm.Text{Text: "later"}),
		},
		Tools: []llm.Tool{
			{Name: "f", Schema: []byte(`{"b":1,"a":2}`), Ext: llm.Ext{own: []byte(`{"defer_loading":true}`)}},
			{Kind: "bash_20250124", Name: "bash", From: own, Raw: []byte(`{"type":"bash_20250124","name":"bash"}`)},
		},
		Choice:   llm.ToolChoice{Mode: llm.ToolThis, Name: "f", Parallel: new(false)},
		Sampling: llm.Sampling{MaxTokens: new(int64(7)), Temperature: new(0.0), Stop: []string{"x"}},
		Thinking: llm.Thinking{Budget: new(int64(1024)), Display: "omitted", Effort: "low"},
		Output:   llm.Output{Kind: "schema", Schema: []byte(`{"type":"object"}`), Strict: new(true)},
		User:     "u", Tier: "auto",
		Ext:   llm.Ext{own: []byte(`{"metadata":{"zz":2},"mcp_servers":[{"name":"n"}],"output_config":{"zz":1}}`)},
		Vital: []string{"mcp_servers"},
	}
	got, err := Codec{}.DecodeRequest([]byte(body))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	for body, want := range map[string]string{
		`{"messages":[{"role":"tool","content":""}]}`:                         `messages.0.role: not one of user, assistant, system`,
		`{"messages":[{"role":"user"}]}`:                                      `messages.0.content: required`,
		`{"messages":[{"role":"user","content":[{"text":"x"}]}]}`:             `messages.0.content.0.type: required`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":5}]}]}`: `messages.0.content.0.text: expected a string`,
		`{"messages":[{"role":"user","content":5}]}`:                          `messages.0.content: expected a string or an array of blocks`,
		`{"tools":[{}]}`:     `tools.0.name: required`,
		`{"max_tokens":1.5}`: `max_tokens: expected a whole number`,
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"?"}}]}]}`: `messages.0.content.0.source.data: invalid base64`,
	} {
		_, err := Codec{}.DecodeRequest([]byte(body))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Class != llm.BadRequest || e.Message != want || e.Param+": " != want[:len(e.Param)+2] {
			t.Errorf("%s: %#v", body, err)
		}
	}
}

// Effort alone leaves thinking at the model's default here, and has to come out as it went in.
func TestBareEffort(t *testing.T) {
	body := `{"model":"claude-opus-4-6","max_tokens":9,"output_config":{"effort":"medium"},"messages":` + hi + `}`
	chat, err := Codec{}.DecodeRequest([]byte(body))
	if err != nil || chat.Thinking.Effort != "medium" {
		t.Fatal(chat, err)
	}
	got, lost, _ := Codec{}.EncodeRequest(chat, llm.Target{Model: chat.Model, Issuer: issuer})
	if string(got) != body || len(lost) > 0 {
		t.Errorf("%s %v", got, lost)
	}
}
