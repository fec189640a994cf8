package openaichat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

func decodeRequest(t testing.TB, in string) *llm.Chat {
	t.Helper()
	c, err := Codec{}.DecodeRequest([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// messagesOf decodes a conversation.
func messagesOf(t testing.TB, in string) *llm.Chat {
	return decodeRequest(t, `{"model":"m","messages":[`+in+`]}`)
}

func TestDecodeMessages(t *testing.T) {
	claude := func(data string) *llm.Seal { return &llm.Seal{Issuer: "anthropic", Data: data} }
	for _, tt := range []struct {
		name, in string
		system   []llm.Part
		want     []llm.Message
	}{
		{"system", `{"role":"system","content":"a"},{"role":"developer","content":[{"type":"text","text":"b"}]},{"role":"user","content":"c"},{"role":"system","content":"d"}`,
			[]llm.Part{llm.Text{Text: "a"}, llm.Text{Text: "b"}},
			[]llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "c"}}}, {Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "d"}}}}},
		{"named system", `{"role":"system","name":"example","content":"a"}`, nil,
			[]llm.Message{{Role: llm.RoleSystem, Name: "example", Parts: []llm.Part{llm.Text{Text: "a"}}}}},
		{"media", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},{"type":"image_url","image_url":"data:image/png;base64,AAAA"},
			{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}},{"type":"file","file":{"filename":"f.pdf","file_data":"data:application/pdf;base64,AAAA"}},
			{"type":"file","file":{"file_id":"file-1"}},{"type":"document_url","document_url":"https://x/y.pdf","document_name":"n"},{"type":"new","x":1}]}`, nil,
			[]llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
				llm.Media{Type: "image/*", URL: "https://x/y.png", Detail: "low"}, llm.Media{Type: "image/png", Data: []byte{0, 0, 0}},
				llm.Media{Type: "audio/mpeg", Data: []byte{0, 0, 0}}, llm.Media{Type: "application/pdf", Name: "f.pdf", Data: []byte{0, 0, 0}},
				llm.Media{FileID: "file-1"}, llm.Media{Type: "application/pdf", URL: "https://x/y.pdf", Name: "n"},
				llm.Opaque{From: own, Kind: "new", Raw: []byte(`{"type":"new","x":1}`)},
			}}}},
		{"bad base64 stays as it is", `{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"!","format":"wav"}}]}`, nil,
			[]llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Opaque{From: own, Kind: "input_audio", Raw: []byte(`{"type":"input_audio","input_audio":{"data":"!","format":"wav"}}`)}}}}},
		{"cache marks", `{"role":"user","cache_control":{"type":"ephemeral"},"content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"b"},{"type":"text","text":""}]}`, nil,
			[]llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "a", Mark: &llm.CacheMark{TTL: time.Hour}}, llm.Text{Text: "b", Mark: &llm.CacheMark{}}}}}},
		{"tools", `{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": 1.0}"}},{"id":"2","type":"custom","custom":{"name":"g","input":"x"}}]},
			{"role":"tool","tool_call_id":"1","content":"r"},{"role":"tool","tool_call_id":"2","content":[{"type":"text","text":"s"}]},{"role":"user","content":"u"}`, nil,
			[]llm.Message{
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "1", Name: "f", Args: `{"a": 1.0}`}, llm.Call{ID: "2", Name: "g", Args: "x", Custom: true}}},
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "1", Parts: []llm.Part{llm.Text{Text: "r"}}}, llm.Result{CallID: "2", Parts: []llm.Part{llm.Text{Text: "s"}}}}},
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "u"}}},
			}},
		{"function_call", `{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}`, nil,
			[]llm.Message{
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "call_0_0", Name: "f", Args: "{}"}}},
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "call_0_0", Name: "f", Parts: []llm.Part{llm.Text{Text: "r"}}}}},
			}},
		{"thoughts", `{"role":"assistant","content":"c","reasoning_content":"a"},{"role":"assistant","content":"c","reasoning":"b"},
			{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"c"}]}`, nil,
			[]llm.Message{
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "a"}, llm.Text{Text: "c"}}},
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "b"}, llm.Text{Text: "c"}}},
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "t"}, llm.Text{Text: "c"}}},
			}},
		{"details in pieces", `{"role":"assistant","content":"c","reasoning":"ab","reasoning_details":[{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","text":"b","index":0},
			{"type":"reasoning.text","signature":"S","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"D","format":"anthropic-claude-v1","index":1}]}`, nil,
			[]llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "ab", Seal: claude("S")}, llm.Thought{Redacted: true, Seal: claude("D")}, llm.Text{Text: "c"}}}}},
		{"a seal of ours", `{"role":"assistant","content":"c","reasoning_details":[{"type":"reasoning.text","text":"a","signature":"` + (&llm.Seal{Issuer: "google", Data: "G"}).Wrap() + `"}],
			"extra_content":{"google":{"thought_signature":"T"}}}`, nil,
			[]llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{
				llm.Thought{Text: "a", Seal: &llm.Seal{Issuer: "google", Data: "G"}}, llm.Text{Text: "c", Seal: &llm.Seal{Issuer: "google", Data: "T"}},
			}}}},
		{"odds and ends", `{"role":"assistant","name":"bob","content":"c","refusal":"no","prefix":true,"audio":{"id":"a1"},"weight":null}`, nil,
			[]llm.Message{{Role: llm.RoleAssistant, Name: "bob", Parts: []llm.Part{
				llm.Text{Text: "c"}, llm.Text{Text: "no", Refusal: true}, llm.Opaque{From: own, Kind: "audio", Raw: []byte(`{"id":"a1"}`)},
			}, Ext: llm.Ext{own: []byte(`{"prefix":true}`)}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := messagesOf(t, tt.in)
			if diff := cmp.Diff(tt.system, c.System); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.want, c.Messages); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeMembers(t *testing.T) {
	in := `{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"temperature":0,"top_p":1.0,
		"frequency_penalty":-1,"presence_penalty":0.5,"top_k":3,"max_tokens":1,"max_completion_tokens":2,"seed":9007199254740993,"n":2,"logprobs":true,"top_logprobs":4,
		"stop":"x","user":"u","service_tier":"flex","verbosity":"low","modalities":["text","audio"],"parallel_tool_calls":false,"reasoning_effort":"none",
		"store":true,"logit_bias":{"1":-100},"zz_new_param":{"a":1},
		"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"b":1,"a":2}}},
		"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"z":1,"a":2},"strict":false,"extra":1},"cache_control":{"type":"ephemeral"}},
			{"type":"custom","custom":{"name":"g","format":{"type":"text"}}},{"type":"web_search","x":1},{"function":{"name":"h"}},{"type":"function","name":"flat","parameters":{}}],
		"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}`
	want := &llm.Chat{
		Model: "m", Stream: true, Usage: true, User: "u", Tier: "flex",
		Sampling: llm.Sampling{
			Temperature: new(0.0), TopP: new(1.0), FrequencyPenalty: new(-1.0), PresencePenalty: new(0.5), TopK: new(int64(3)), MaxTokens: new(int64(2)),
			Seed: new(int64(9007199254740993)), N: new(int64(2)), Logprobs: new(true), TopLogprobs: new(int64(4)), Stop: []string{"x"},
		},
		Thinking: llm.Thinking{Off: true},
		Output: llm.Output{
			Kind: "schema", Name: "n", Description: "d", Strict: new(true), Schema: []byte(`{"b":1,"a":2}`), Verbosity: "low", Modalities: []string{"text", "audio"},
		},
		Choice: llm.ToolChoice{Mode: llm.ToolAny, Allowed: []string{"f"}, Parallel: new(false)},
		Tools: []llm.Tool{
			{Name: "f", Description: "d", Schema: []byte(`{"z":1,"a":2}`), Strict: new(false), Mark: &llm.CacheMark{}, Ext: llm.Ext{own: []byte(`{"function":{"extra":1}}`)}},
			{Kind: "custom", Name: "g", Ext: llm.Ext{own: []byte(`{"custom":{"format":{"type":"text"}}}`)}},
			{Kind: "web_search", Name: "web_search", From: own, Raw: []byte(`{"type":"web_search","x":1}`)},
			{Name: "h"},
			{Name: "flat", Schema: []byte(`{}`)},
		},
		Ext: llm.Ext{own: []byte(`{"stream_options":{"include_usage":true,"include_obfuscation":false},"store":true,"logit_bias":{"1":-100},"zz_new_param":{"a":1}}`)},
	}
	if diff := cmp.Diff(want, decodeRequest(t, in)); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeThinking(t *testing.T) {
	for in, want := range map[string]llm.Thinking{
		`"reasoning_effort":"high"`:                                          {Effort: "high"},
		`"reasoning":{"effort":"low","exclude":true}`:                        {Effort: "low", Display: "hide"},
		`"reasoning":{"max_tokens":100}`:                                     {Budget: new(int64(100))},
		`"reasoning":{"enabled":false}`:                                      {Off: true},
		`"reasoning":{"enabled":true}`:                                       {Auto: true},
		`"thinking":{"type":"disabled"}`:                                     {Off: true},
		`"thinking":{"type":"enabled"}`:                                      {Auto: true},
		`"thinking":{"type":"enabled","budget_tokens":9}`:                    {Budget: new(int64(9))},
		`"thinking":{"type":"enabled","z":1},"reasoning_effort":"high"`:      {Effort: "high"},
		`"reasoning_effort":"high","thinking":{"z":1,"type":"enabled"}`:      {Effort: "high"},
		`"include_reasoning":false`:                                          {Display: "hide"},
		`"reasoning_effort":null,"reasoning":null,"include_reasoning":null`:  {},
		`"enable_thinking":false,"chat_template_kwargs":{"thinking":"none"}`: {},
	} {
		c := decodeRequest(t, `{"model":"m","messages":[],`+in+`}`)
		if diff := cmp.Diff(want, c.Thinking); diff != "" {
			t.Errorf("%s:\n%s", in, diff)
		}
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	for in, param := range map[string]string{
		`"messages":{}`:  "messages",
		`"messages":[1]`: "messages.0",
		`"messages":[{"role":"robot","content":"x"}]`:                       "messages.0.role",
		`"messages":[{"content":"x"}]`:                                      "messages.0.role",
		`"messages":[{"role":"user","content":5}]`:                          "messages.0.content",
		`"messages":[{"role":"user","content":[{"type":"text","text":1}]}]`: "messages.0.content.0.text",
		`"messages":[{"role":"assistant","tool_calls":[{"id":"x"}]}]`:       "messages.0.tool_calls.0",
		`"messages":[{"role":"tool","content":"x"}]`:                        "messages.0.tool_call_id",
		`"messages":[],"tools":"x"`:                                         "tools",
		`"messages":[],"tools":[{"type":"function"}]`:                       "tools.0",
		`"messages":[],"temperature":"hot"`:                                 "temperature",
		`"messages":[],"seed":1.5`:                                          "seed",
		`"messages":[],"stop":[1]`:                                          "stop",
		`"messages":[],"response_format":"json"`:                            "response_format",
	} {
		_, err := Codec{}.DecodeRequest([]byte(`{"model":"m",` + in + `}`))
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Class != llm.BadRequest || e.Param != param {
			t.Errorf("%s: %+v", in, err)
		}
	}
}

// What is written for a target, and what is reported as lost.
func TestEncodeRequest(t *testing.T) {
	user := []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "x"}}}}
	const x = `"messages":[{"role":"user","content":"x"}]}`
	png := llm.Media{Type: "image/png", Data: []byte{0, 0, 0}}
	claude := &llm.Seal{Issuer: "anthropic", Data: "S"}
	done := llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "1", Parts: []llm.Part{llm.Text{Text: "r"}}}}}
	openai := func(model string) llm.Target { return llm.Target{Model: model, Issuer: "openai"} }
	quirk := func(q llm.Quirks) llm.Target { return llm.Target{Model: "m", Quirks: &q} }
	for _, tt := range []struct {
		name   string
		chat   llm.Chat
		to     llm.Target
		want   string
		losses []string // grave ones begin with !
	}{
		{"order", llm.Chat{
			Stream: true, System: []llm.Part{llm.Text{Text: "s"}, llm.Text{Text: "t"}}, Messages: user,
			Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"z":1,"a":2}`)}}, Choice: llm.ToolChoice{Mode: llm.ToolThis, Name: "f"},
			Sampling: llm.Sampling{Temperature: new(1.0), MaxTokens: new(int64(9))}, Ext: llm.Ext{own: []byte(`{"store":true}`)},
		}, quirk(llm.Quirks{}), `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}],"tool_choice":{"type":"function","function":{"name":"f"}},` +
			`"temperature":1,"max_completion_tokens":9,"store":true,"stream":true,"stream_options":{"include_usage":true},` +
			`"messages":[{"role":"system","content":[{"type":"text","text":"s"},{"type":"text","text":"t"}]},{"role":"user","content":"x"}]}`, nil},
		{"quirks", llm.Chat{
			Stream: true, Messages: user, Tools: []llm.Tool{{Name: "f"}}, Choice: llm.ToolChoice{Mode: llm.ToolAny},
			Sampling: llm.Sampling{MaxTokens: new(int64(9)), Seed: new(int64(1)), N: new(int64(2))},
			Output:   llm.Output{Kind: "schema", Schema: []byte(`{}`)},
		}, quirk(llm.Quirks{MaxTokens: "max_tokens", NoStreamOptions: true, ToolAny: "any", NoSchema: true, Drops: []string{"seed", "n"}}),
			`{"model":"m","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"any","response_format":{"type":"json_object"},"max_tokens":9,"stream":true,` + x,
			[]string{"!response_format.schema", "seed", "!n"}},
		{"foreign things", llm.Chat{
			Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
				llm.Text{Text: "x", Mark: &llm.CacheMark{}}, llm.Opaque{From: llm.Anthropic, Kind: "search_result"}, llm.Media{Type: "application/pdf", URL: "https://x/y.pdf"},
				llm.Media{Type: "image/png", FileID: "file_1"}, llm.Media{Type: "text/plain", Data: []byte("doc")},
			}, Ext: llm.Ext{llm.Anthropic: []byte(`{"odd":1}`)}}},
			Tools: []llm.Tool{{Kind: "web_search_20250305", Name: "web_search", From: llm.Anthropic}}, Sampling: llm.Sampling{TopK: new(int64(5))},
			Ext: llm.Ext{llm.Anthropic: []byte(`{"container":"c"}`)},
		}, quirk(llm.Quirks{}), `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"text","text":"doc"}]}]}`,
			[]string{"container", "!tools.0", "top_k", "messages.0.odd", "!messages.0.content.1", "messages.0.content.0.cache_control", "!messages.0.content.2", "!messages.0.content.3", "messages.0.content.4"}},
		{"taken", llm.Chat{
			Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "x", Mark: &llm.CacheMark{TTL: time.Hour}}, llm.Media{Type: "application/pdf", URL: "https://x/y.pdf", Name: "n"}}}},
			Sampling: llm.Sampling{TopK: new(int64(5))}, Thinking: llm.Thinking{Budget: new(int64(7)), Display: "hide"},
		}, quirk(llm.Quirks{Takes: []string{"top_k", "cache_control", "reasoning", "file_url"}}),
			`{"model":"m","reasoning":{"max_tokens":7,"exclude":true},"top_k":5,"messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}},` +
				`{"type":"file","file":{"filename":"n","file_data":"https://x/y.pdf"}}]}]}`, nil},
		{"results", llm.Chat{Messages: []llm.Message{
			{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: "a"}, llm.Call{ID: "1", Name: "f"}, llm.Call{ID: "2", Name: "g", Args: "{bad"}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "then"}, llm.Result{CallID: "1", Failed: true, Parts: []llm.Part{llm.Text{Text: "r"}, png}}, llm.Result{CallID: "2"}}},
		}}, quirk(llm.Quirks{}), `{"model":"m","messages":[{"role":"assistant","content":"a","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"g","arguments":"{bad"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":"r"},{"role":"tool","tool_call_id":"2","content":""},` +
			`{"role":"user","content":[{"type":"text","text":"then"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}`,
			[]string{"messages.1.content.1.is_error", "messages.1.content.1"}},
		{"unanswered calls", llm.Chat{Messages: []llm.Message{
			{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "1", Name: "f"}}},
			{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Text{Text: "a"}, llm.Call{ID: "2", Name: "g"}}},
			{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "s"}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "2", Parts: []llm.Part{llm.Text{Text: "r"}}}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "3", Name: "h", Parts: []llm.Part{llm.Text{Text: "late"}}}, llm.Text{Text: "x"}}},
		}}, quirk(llm.Quirks{}), `{"model":"m","messages":[{"role":"assistant","content":"a","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"2","type":"function","function":{"name":"g","arguments":"{}"}}]},` +
			`{"role":"tool","tool_call_id":"1","content":"The tool was not run."},{"role":"tool","tool_call_id":"2","content":"r"},{"role":"system","content":"s"},` +
			`{"role":"user","content":[{"type":"text","text":"Result of a tool call (h 3)\nlate"},{"type":"text","text":"x"}]}]}`,
			[]string{"messages.0.content.0", "messages.4.content.0", "messages.0.content"}},
		{"seals", llm.Chat{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{
			llm.Thought{Text: "t", Seal: claude}, llm.Thought{Text: "u"}, llm.Text{Text: "x", Seal: claude}, llm.Call{ID: "1", Name: "f", Seal: claude},
		}}, done}}, llm.Target{Model: "m", Issuer: "deepseek"}, `{"model":"m","messages":[{"role":"assistant","content":"x","reasoning_content":"u","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"r"}]}`,
			[]string{"messages.0.content.0", "messages.0.content.2.signature", "messages.0.content.3.signature"}},
		{"seals of the issuer", llm.Chat{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{
			llm.Thought{Text: "t", Seal: &llm.Seal{Issuer: "openrouter", Data: `{"type":"reasoning.summary","format":"openai-responses-v1","id":"rs_1"}`}}, llm.Text{Text: "x"},
		}}}}, llm.Target{Model: "m", Issuer: "openrouter", Quirks: &llm.Quirks{Thought: "reasoning"}},
			`{"model":"m","messages":[{"role":"assistant","content":"x","reasoning":"t","reasoning_details":[{"type":"reasoning.summary","format":"openai-responses-v1","id":"rs_1","summary":"t","index":0}]}]}`, []string{"messages"}},
		{"google's", llm.Chat{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "1", Name: "f", Args: "{}", Seal: &llm.Seal{Issuer: "google", Data: "G"}}}}, done}},
			llm.Target{Model: "m", Issuer: "google"},
			`{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"G"}}}]},{"role":"tool","tool_call_id":"1","content":"r"}]}`, nil},
		{"mistral", llm.Chat{Messages: []llm.Message{
			{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "t"}, llm.Text{Text: "x"}, llm.Call{ID: "abcdefghi", Name: "f"}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "abcdefghi", Parts: []llm.Part{llm.Text{Text: "r"}}}}},
		}}, quirk(llm.Quirks{Thought: "thinking_parts", CallID: "mistral9"}),
			`{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"x"}],"tool_calls":[{"id":"abcdefghi","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"abcdefghi","content":"r"}]}`, nil},
		{"thinking object", llm.Chat{Messages: user, Thinking: llm.Thinking{Off: true}}, quirk(llm.Quirks{Takes: []string{"thinking"}}), `{"model":"m","thinking":{"type":"disabled"},` + x, nil},
		{"no thoughts taken", llm.Chat{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "t"}, llm.Text{Text: "x"}}}}},
			quirk(llm.Quirks{Drops: []string{"reasoning_content"}}), `{"model":"m","messages":[{"role":"assistant","content":"x"}]}`, []string{"messages", "messages.0.content.0"}},
		{"max", llm.Chat{Messages: user, Thinking: llm.Thinking{Effort: "max"}}, quirk(llm.Quirks{}), `{"model":"m","reasoning_effort":"xhigh",` + x, []string{"thinking.effort"}},
		{"budget", llm.Chat{Messages: user, Thinking: llm.Thinking{Budget: new(int64(5000))}}, quirk(llm.Quirks{}), `{"model":"m","reasoning_effort":"medium",` + x, []string{"thinking.budget"}},
		{"a model that always thinks", llm.Chat{Messages: user, Thinking: llm.Thinking{Off: true},
			Sampling: llm.Sampling{Temperature: new(0.2), TopP: new(1.0), PresencePenalty: new(0.0), Logprobs: new(true), TopLogprobs: new(int64(2)), Stop: []string{"s"}}},
			openai("o4-mini"), `{"model":"o4-mini","reasoning_effort":"low",` + x, []string{"thinking", "temperature", "!logprobs", "!stop"}},
		{"a model that may think", llm.Chat{Messages: user, Sampling: llm.Sampling{Temperature: new(0.2)}}, openai("gpt-5.2"), `{"model":"gpt-5.2","temperature":0.2,` + x, nil},
		{"a model while it thinks", llm.Chat{Messages: user, Thinking: llm.Thinking{Effort: "minimal"}, Sampling: llm.Sampling{Temperature: new(0.2)}},
			openai("gpt-5.2"), `{"model":"gpt-5.2","reasoning_effort":"low",` + x, []string{"temperature"}},
		{"thoughts or tools", llm.Chat{Messages: user, Thinking: llm.Thinking{Effort: "high"}, Tools: []llm.Tool{{Name: "f"}}}, openai("gpt-5.6-sol"),
			`{"model":"gpt-5.6-sol","tools":[{"type":"function","function":{"name":"f"}}],"reasoning_effort":"none",` + x, []string{"thinking"}},
		{"tools without thoughts", llm.Chat{Messages: user, Tools: []llm.Tool{{Name: "f"}}}, openai("gpt-5.4"),
			`{"model":"gpt-5.4","tools":[{"type":"function","function":{"name":"f"}}],` + x, nil},
		{"as much as there is", llm.Chat{Messages: user, Thinking: llm.Thinking{Effort: "max"}}, openai("gpt-5"), `{"model":"gpt-5","reasoning_effort":"high",` + x, []string{"thinking.effort"}},
		{"made for chat", llm.Chat{Messages: user, Sampling: llm.Sampling{Temperature: new(0.2)}}, openai("gpt-5-chat-latest"), `{"model":"gpt-5-chat-latest","temperature":0.2,` + x, nil},
		{"no tool is left", llm.Chat{Messages: user, Tools: []llm.Tool{{Kind: "googleSearch", Name: "googleSearch", From: llm.Gemini}}, Choice: llm.ToolChoice{Mode: llm.ToolAny, Parallel: new(false)}},
			quirk(llm.Quirks{}), `{"model":"m",` + x, []string{"!tools.0", "!tool_choice"}},
		{"none", llm.Chat{Messages: user, Thinking: llm.Thinking{Effort: "none"}}, quirk(llm.Quirks{}), `{"model":"m","reasoning_effort":"none",` + x, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, losses, err := Codec{}.EncodeRequest(&tt.chat, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			var paths []string
			for _, l := range losses {
				if l.Grave {
					l.Path = "!" + l.Path
				}
				paths = append(paths, l.Path)
			}
			if diff := cmp.Diff(tt.losses, paths, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if err := rawjson.Check(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ids of other vendors fit Mistral's alphabet and stay pairs.
func TestMistralIDs(t *testing.T) {
	e := encoder{q: &llm.Quirks{CallID: "mistral9"}}
	seen := map[string]bool{}
	for i := range 1000 {
		id := e.callID(fmt.Sprintf("toolu_%d", i))
		if len(id) != 9 || !alphanumeric(id) || seen[id] || id != e.callID(fmt.Sprintf("toolu_%d", i)) {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
}

// A conversation that grows keeps its beginning byte for byte, which is what prompt caches go by (pitfall E2).
func TestEncodePrefix(t *testing.T) {
	chat := decodeRequest(t, `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":1}}}],"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}`)
	before := ""
	for i := range 5 {
		out, _, err := Codec{}.EncodeRequest(chat, llm.Target{Model: "m"})
		if err != nil || !strings.HasPrefix(string(out), before) {
			t.Fatalf("turn %d: %v\n%s\n%s", i, err, before, out)
		}
		before = strings.TrimSuffix(string(out), "]}")
		id := fmt.Sprint("call_", i)
		chat.Messages = append(chat.Messages,
			llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: id, Name: "f", Args: `{"z":1,"a":2}`}}},
			llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: id, Parts: []llm.Part{llm.Text{Text: "r"}}}}})
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]}],"tools":[{"type":"function","function":{"name":"f"}}]}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}}]},{"role":"function","content":"r"}],"function_call":{"name":"f"}}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"assistant","refusal":"r","reasoning_details":[{"text":"x","signature":"tg1.a.Yg"}]}],"response_format":{"type":"x"},"stop":["a"]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		head, err := Codec{}.Head(in)
		if err != nil {
			return
		}
		if _, err := (Codec{}).Patch(in, &head, llm.Target{Model: "other", Quirks: &llm.Quirks{NoDeveloper: true, MaxTokens: "max_tokens"}}); err != nil {
			t.Fatal(err)
		}
		chat, err := Codec{}.DecodeRequest(in)
		if err != nil {
			return
		}
		out, losses, err := Codec{}.EncodeRequest(chat, llm.Target{Model: chat.Model, Quirks: &requestQuirks})
		if err != nil {
			t.Fatal(err)
		}
		if err := rawjson.Check(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		again, err := Codec{}.DecodeRequest(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if len(losses) > 0 {
			return
		}
		chat.Usage = chat.Stream
		if diff := cmp.Diff(chat, again, sameRaw, sameNames, sameArgs); diff != "" {
			t.Fatalf("%s\n%s\n%s", diff, in, out)
		}
	})
}

// sameNames: a schema must have a name, so one is made.
var sameNames = cmp.Transformer("output", func(o llm.Output) []any {
	name := o.Name
	if name == "response" || o.Kind != "schema" {
		name = ""
	}
	return []any{o.Kind, name, o.Description, string(o.Schema), o.Strict, slices.Clone(o.Modalities), o.Verbosity}
})

// sameArgs: no arguments are written as {}.
var sameArgs = cmp.Transformer("args", func(c llm.Call) []any {
	if c.Args == "" && !c.Custom {
		c.Args = "{}"
	}
	return []any{c.ID, c.Name, c.Args, c.Custom, c.Seal, c.Mark, c.Ext}
})
