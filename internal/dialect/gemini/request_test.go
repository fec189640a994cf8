package gemini

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		model  string
		stream bool
		want   string
	}{
		{"gemini-2.5-flash", false, "/models/gemini-2.5-flash:generateContent"},
		{"gemini-2.5-flash", true, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"models/gemini-2.5-pro", true, "/models/gemini-2.5-pro:streamGenerateContent?alt=sse"},
		{"tunedModels/mine-1", false, "/tunedModels/mine-1:generateContent"},
		{"meta/llama 4", false, "/models/meta%2Fllama%204:generateContent"},
		{"a:b", false, "/models/a%3Ab:generateContent"},
		{"", false, ""}, {"models/", false, ""}, {"../x", false, ""}, {"models/../tunedModels/x", false, ""}, {"a..b", false, ""},
		{"a?b", false, ""}, {"a#b", false, ""}, {"a%2Fb", false, ""}, {`a\b`, false, ""}, {"a\nb", false, ""}, {"a\x00", false, ""},
	} {
		got, err := Codec{}.Path(tt.model, tt.stream)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q: %q, %v; want %q", tt.model, got, err, tt.want)
		}
		if e, ok := errors.AsType[*llm.Error](err); err != nil && (!ok || e.Class != llm.BadRequest) {
			t.Errorf("%q: %v", tt.model, err)
		}
	}
}

func TestHead(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want llm.Head
		err  string // code and param
	}{
		{`{"contents":[{"parts":[{"text":"a"}]},{"role":"model","parts":[]}]}`, llm.Head{N: 1, Usage: true, Messages: 2}, ""},
		{`{"contents":{"parts":{"text":"a"}},"generation_config":{"max_output_tokens":"7","candidate_count":3},"model":"x"}`, llm.Head{N: 3, Usage: true, Messages: 1, MaxTokens: 7}, ""},
		{`{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":""}}]}],"tools":[{"functionDeclarations":[{"name":"a"},{"name":"b"}],"codeExecution":{}},{"googleSearch":{}}]}`, llm.Head{N: 1, Usage: true, Messages: 1, Tools: 4, Media: true}, ""},
		{`{"contents":[{"parts":[{"text":"\"inlineData\""}]}],"generationConfig":null}`, llm.Head{N: 1, Usage: true, Messages: 1}, ""},
		{`{"contents":[]`, llm.Head{}, "invalid_json "},
		{`{"contents":[],"contents":[]}`, llm.Head{}, "invalid_json "},
		{`{"contents":"hi"}`, llm.Head{}, "invalid_type contents"},
		{`{"tools":7}`, llm.Head{}, "invalid_type tools"},
		{`{"generationConfig":[]}`, llm.Head{}, "invalid_request generationConfig"},
		{`{"generationConfig":{"maxOutputTokens":1.5}}`, llm.Head{}, "invalid_type generationConfig.maxOutputTokens"},
		{`{"generationConfig":{"maxOutputTokens":-1}}`, llm.Head{}, "invalid_type generationConfig.maxOutputTokens"},
		// Two spellings of one member: the limit would be checked against one and the model be given the other.
		{`{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9000}}`, llm.Head{}, "duplicate_member maxOutputTokens"},
		{`{"generation_config":{"maxOutputTokens":9000},"generationConfig":{"maxOutputTokens":1}}`, llm.Head{}, "duplicate_member generationConfig"},
	} {
		got, err := Codec{}.Head([]byte(tt.in))
		if tt.err != "" {
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Code+" "+e.Param != tt.err || e.Class != llm.BadRequest {
				t.Errorf("%s: %v (%+v), want %s", tt.in, err, e, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tt.in, err, diff)
		}
	}
	body := []byte(` {"contents" : [ ] } `)
	if out, err := (Codec{}).Patch(body, new(llm.Head), llm.Target{Model: "x"}); err != nil || &out[0] != &body[0] {
		t.Error("the body was touched")
	}
}

func seal(data string) *llm.Seal { return &llm.Seal{Issuer: "google", Data: data} }

func TestDecodeRequest(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     llm.Chat
	}{
		{"snake case", `{"system_instruction":{"parts":{"text":"be brief"}},"generation_config":{"top_p":0.5,"top_k":40.0,"stop_sequences":["x"],"thinking_config":{"include_thoughts":true,"thinking_level":"HIGH"},"response_mime_type":"application/json"},
			"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"_-8="}},{"file_data":{"file_uri":"gs://b/x.pdf","mime_type":"application/pdf"},"video_metadata":{"fps":1}},{"text":"a","thought":false}]}]}`,
			llm.Chat{
				System: []llm.Part{llm.Text{Text: "be brief"}}, Usage: true,
				Sampling: llm.Sampling{TopP: new(0.5), TopK: new(int64(40)), Stop: []string{"x"}}, Output: llm.Output{Kind: "json"},
				Thinking: llm.Thinking{Effort: "high", Display: "show"},
				Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
					llm.Media{Type: "image/png", Data: []byte{0xff, 0xef}},
					llm.Media{Type: "application/pdf", URL: "gs://b/x.pdf", Ext: llm.Ext{llm.Gemini: jsontext.Value(`{"videoMetadata":{"fps":1}}`)}},
					llm.Text{Text: "a"},
				}}},
			}},
		{"ids", `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"","thoughtSignature":"s1"},{"functionCall":{"name":"a","args":{"x":1}},"thoughtSignature":"s2"},{"functionCall":{"name":"b"}},{"functionCall":{"id":"call_1","name":"a","args":{}}}]},
			{"role":"function","parts":[{"functionResponse":{"name":"b","response":{"result":"two"}}},{"functionResponse":{"name":"a","response":{"error":"one"}}},{"functionResponse":{"id":"call_1","name":"a","response":{"k":[1]}}}]},
			{"role":"model","parts":[{"functionCall":{"name":"b","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"renamed","response":{"output":{"z":1}}}},{"functionResponse":{"name":"orphan","response":{}}}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "q"}}},
				{Role: llm.RoleAssistant, Parts: []llm.Part{
					llm.Text{Seal: seal("s1")}, llm.Call{ID: "call_0", Name: "a", Args: `{"x":1}`, Seal: seal("s2")},
					llm.Call{ID: "call_2", Name: "b"}, llm.Call{ID: "call_1", Name: "a", Args: "{}"},
				}},
				{Role: llm.RoleUser, Parts: []llm.Part{
					llm.Result{CallID: "call_2", Name: "b", Parts: []llm.Part{llm.Text{Text: "two"}}},
					llm.Result{CallID: "call_0", Name: "a", Failed: true, Parts: []llm.Part{llm.Text{Text: "one"}}},
					llm.Result{CallID: "call_1", Name: "a", Parts: []llm.Part{llm.Text{Text: `{"k":[1]}`}}},
				}},
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "call_3", Name: "b", Args: "{}"}}},
				{Role: llm.RoleUser, Parts: []llm.Part{
					llm.Result{CallID: "call_3", Name: "renamed", Parts: []llm.Part{llm.Text{Text: `{"z":1}`}}},
					llm.Result{CallID: "call_4", Name: "orphan", Parts: []llm.Part{llm.Text{Text: "{}"}}},
				}},
			}}},
		{"id in the result alone", `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"a"}}]},{"parts":[{"functionResponse":{"id":"mine","name":"a","response":{"result":""}}}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{
				{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "call_0", Name: "a"}}},
				{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "call_0", Name: "a"}}},
			}}},
		{"thoughts and what others run", `{"contents":[{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"s"},{"thought":true,"thoughtSignature":"r"},{"executableCode":{"code":"1","language":"PYTHON"},"thoughtSignature":"t"},{"toolCall":{"toolType":"X"}}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{
				llm.Thought{Text: "hm", Seal: seal("s")}, llm.Thought{Redacted: true, Seal: seal("r")},
				llm.Opaque{From: llm.Gemini, Kind: "executableCode", Raw: jsontext.Value(`{"executableCode":{"code":"1","language":"PYTHON"},"thoughtSignature":"t"}`)},
				llm.Opaque{From: llm.Gemini, Kind: "toolCall", Raw: jsontext.Value(`{"toolCall":{"toolType":"X"}}`)},
			}}}}},
		{"tools", `{"contents":[],"tools":[{"function_declarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":{"type":{"type":1,"nullable":true}},"required":["type"]},"behavior":"BLOCKING"},{"name":"g","parametersJsonSchema":{"type":"object"}}],"codeExecution":null},{"google_search":{"x":1}}],
			"toolConfig":{"functionCallingConfig":{"mode":"any","allowedFunctionNames":["f"]},"retrievalConfig":{"a":1}}}`,
			llm.Chat{
				Usage: true,
				Tools: []llm.Tool{
					{Name: "f", Description: "d", Schema: jsontext.Value(`{"type":"object","properties":{"type":{"type":["string","null"]}},"required":["type"]}`), Ext: llm.Ext{llm.Gemini: jsontext.Value(`{"behavior":"BLOCKING"}`)}},
					{Name: "g", Schema: jsontext.Value(`{"type":"object"}`)},
					{Kind: "googleSearch", Name: "googleSearch", From: llm.Gemini, Raw: jsontext.Value(`{"googleSearch":{"x":1}}`)},
				},
				Choice: llm.ToolChoice{Mode: llm.ToolThis, Name: "f"},
				Ext:    llm.Ext{llm.Gemini: jsontext.Value(`{"toolConfig":{"retrievalConfig":{"a":1}}}`)},
			}},
		{"what only Gemini knows", `{"contents":[],"safetySettings":[{"category":7,"threshold":3}],"cachedContent":"cachedContents/1","labels":{"a":"b"},"generationConfig":{"mediaResolution":"LOW","responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]},"thinkingConfig":{"thinkingBudget":-1,"zz":1},"responseModalities":["TEXT","IMAGE"],"candidateCount":2,"seed":5,"responseLogprobs":true,"logprobs":3,"presencePenalty":0.1,"frequencyPenalty":-0.2,"temperature":0,"maxOutputTokens":9}}`,
			llm.Chat{
				Usage:    true,
				Sampling: llm.Sampling{Temperature: new(0.0), MaxTokens: new(int64(9)), N: new(int64(2)), Seed: new(int64(5)), Logprobs: new(true), TopLogprobs: new(int64(3)), PresencePenalty: new(0.1), FrequencyPenalty: new(-0.2)},
				Thinking: llm.Thinking{Auto: true, Display: "hide"},
				Output:   llm.Output{Kind: "schema", Schema: jsontext.Value(`{"type":"string","enum":["a"]}`), Strict: new(true), Modalities: []string{"text", "image"}},
				Ext:      llm.Ext{llm.Gemini: jsontext.Value(`{"safetySettings":[{"category":7,"threshold":3}],"cachedContent":"cachedContents/1","labels":{"a":"b"},"generationConfig":{"mediaResolution":"LOW","thinkingConfig":{"zz":1},"responseMimeType":"text/x.enum"}}`)},
				Vital:    []string{"cachedContent", "generationConfig"},
			}},
		{"validated", `{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":4,"allowedFunctionNames":["a","b"]}}}`,
			llm.Chat{Usage: true, Choice: llm.ToolChoice{Mode: llm.ToolAuto, Allowed: []string{"a", "b"}}, Ext: llm.Ext{llm.Gemini: jsontext.Value(`{"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}}`)}}},
		{"media in a result", `{"contents":[{"parts":[{"functionResponse":{"id":"1","name":"shot","response":{"result":"done"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAE"}}]}}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
				llm.Result{CallID: "1", Name: "shot", Parts: []llm.Part{llm.Text{Text: "done"}, llm.Media{Type: "image/png", Data: []byte{0, 1}}}},
			}}}}},
		{"the documented dummy is no seal", `{"contents":[{"role":"model","parts":[{"functionCall":{"id":"1","name":"f"},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"2","name":"f"},"thoughtSignature":"c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Call{ID: "1", Name: "f"}, llm.Call{ID: "2", Name: "f"}}}}}},
		{"a foreign seal comes back", `{"contents":[{"role":"model","parts":[{"text":"hm","thought":true,"thoughtSignature":"` + wrapped(&llm.Seal{Issuer: "anthropic", Data: "EqQB+/=="}) + `"}]}]}`,
			llm.Chat{Usage: true, Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Thought{Text: "hm", Seal: &llm.Seal{Issuer: "anthropic", Data: "EqQB+/=="}}}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := (Codec{}).Head([]byte(tt.in)); err != nil {
				t.Fatal(err)
			}
			got, err := Codec{}.DecodeRequest([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got, equal); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                              "missing_required_parameter contents",
		`{"contents":"x"}`:                "invalid_request contents",
		`{"contents":[{"role":"robot"}]}`: "invalid_role contents.0.role",
		`{"contents":[{"parts":"x"}]}`:    "invalid_request contents.0.parts",
		`{"contents":[{"parts":[{}]},{"parts":["x"]}]}`:                                          "invalid_request contents.1.parts.0",
		`{"contents":[{"parts":[{"text":"a"},{"inlineData":{"data":"%%"}}]}]}`:                   "invalid_part contents.0.parts.1.inlineData",
		`{"contents":[{"parts":[{"x_y":1,"x__y":1}]}],"safetySettings":[],"safety_settings":[]}`: "duplicate_member safetySettings",
		`{"contents":[{"parts":[{"thoughtSignature":"a","thought_signature":"b"}]}]}`:            "duplicate_member thoughtSignature",
		`{"contents":[],"generationConfig":{"temperature":"hot"}}`:                               "invalid_type generationConfig.temperature",
		`{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":"PERHAPS"}}}`:              "invalid_value toolConfig.functionCallingConfig.mode",
		`{"contents":[],"tools":[{"functionDeclarations":["x"]}]}`:                               "invalid_request tools.0",
	} {
		_, err := Codec{}.DecodeRequest([]byte(in))
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Class != llm.BadRequest || e.Code+" "+e.Param != want {
			t.Errorf("%s: %v (%+v)\nwant %s", in, err, e, want)
		}
	}
}

func user(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleUser, Parts: parts} }
func says(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleAssistant, Parts: parts} }
func txt(s string) llm.Text              { return llm.Text{Text: s} }

func TestEncodeRequest(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name   string
		model  string
		chat   llm.Chat
		want   string
		losses string // path, with ! when grave
	}{
		{"order, merging, pairing", "gemini-2.5-flash", llm.Chat{
			System: []llm.Part{txt("a"), txt(""), txt("b")},
			Messages: []llm.Message{
				user(txt("q")), user(txt("q2")), says(txt(""), llm.Call{ID: "1", Name: "f", Args: ` {"x": 1} `}, llm.Call{ID: "2", Name: "g"}),
				user(llm.Result{CallID: "2", Parts: []llm.Part{txt("two")}}, txt("and")), user(llm.Result{CallID: "1", Parts: []llm.Part{txt("one"), txt("more")}, Failed: true}),
			},
		}, `{"systemInstruction":{"parts":[{"text":"a"},{"text":"b"}]},"contents":[{"role":"user","parts":[{"text":"q"},{"text":"q2"}]},
			{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"x": 1}}},{"functionCall":{"id":"2","name":"g","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"error":"one\nmore"}}},{"functionResponse":{"id":"2","name":"g","response":{"result":"two"}}},{"text":"and"}]}]}`, ""},
		{"the assistant begins", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{says(txt("hi")), user(txt("q"))}},
			`{"contents":[{"role":"user","parts":[{"text":" "}]},{"role":"model","parts":[{"text":"hi"}]},{"role":"user","parts":[{"text":"q"}]}]}`, "messages"},
		{"system in between, names", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{{Role: llm.RoleUser, Name: "bo", Parts: []llm.Part{txt("q")}}, {Role: llm.RoleSystem, Parts: []llm.Part{txt("s")}}}},
			`{"contents":[{"role":"user","parts":[{"text":"q"},{"text":"s"}]}]}`, "messages.0.name messages.1.role"},
		{"results", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{
			user(txt("q")), says(llm.Call{ID: "1", Name: "f"}, llm.Call{ID: "2", Name: "f"}, llm.Call{ID: "3", Name: "f"}, llm.Call{ID: "4", Name: "f"}, llm.Call{ID: "5", Name: "f"}, llm.Call{ID: "6", Name: "f"}),
			user(
				llm.Result{CallID: "1", Parts: []llm.Part{txt(`{"$ref":"#/x","type":"object"}`)}}, llm.Result{CallID: "2", Parts: []llm.Part{txt(`[1,2]`)}},
				llm.Result{CallID: "3", Parts: []llm.Part{txt(`1.10`)}}, llm.Result{CallID: "4", Parts: []llm.Part{txt(`{"result":1}`)}},
				llm.Result{CallID: "5", Parts: []llm.Part{txt(`{"id":12345678901234567890}`)}}, llm.Result{CallID: "6", Parts: []llm.Part{txt(`{"a":1,"a":2}`)}},
			),
		}}, `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}},{"functionCall":{"id":"2","name":"f","args":{}}},
			{"functionCall":{"id":"3","name":"f","args":{}}},{"functionCall":{"id":"4","name":"f","args":{}}},{"functionCall":{"id":"5","name":"f","args":{}}},{"functionCall":{"id":"6","name":"f","args":{}}}]},{"role":"user","parts":[
			{"functionResponse":{"id":"1","name":"f","response":{"$ref":"#/x","type":"object"}}},{"functionResponse":{"id":"2","name":"f","response":{"result":[1,2]}}},
			{"functionResponse":{"id":"3","name":"f","response":{"result":"1.10"}}},{"functionResponse":{"id":"4","name":"f","response":{"result":{"result":1}}}},
			{"functionResponse":{"id":"5","name":"f","response":{"result":"{\"id\":12345678901234567890}"}}},{"functionResponse":{"id":"6","name":"f","response":{"result":"{\"a\":1,\"a\":2}"}}}]}]}`, ""},
		{"unanswered calls", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{
			user(txt("q")), says(llm.Call{ID: "1", Name: "f"}, llm.Call{ID: "2", Name: "g"}), user(llm.Result{CallID: "2", Parts: []llm.Part{txt("r")}}, llm.Result{CallID: "9", Parts: []llm.Part{txt("late")}}),
			says(llm.Call{ID: "3", Name: "h"}), user(txt("never mind")),
		}}, `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}},{"functionCall":{"id":"2","name":"g","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"error":"The tool was not run."}}},{"functionResponse":{"id":"2","name":"g","response":{"result":"r"}}},{"text":"Result of a tool call (9)\nlate"}]},
			{"role":"model","parts":[{"functionCall":{"id":"3","name":"h","args":{}}}]},{"role":"user","parts":[{"text":"never mind"}]}]}`, "messages.1.content.0 messages.2.content.1"},
		{"a picture in a result without a call", "gemini-3-flash-preview", llm.Chat{Messages: []llm.Message{
			user(llm.Result{CallID: "9", Name: "f", Parts: []llm.Part{txt("see"), llm.Media{Type: "image/png", Data: []byte{1}}}}, txt("q")),
		}}, `{"contents":[{"role":"user","parts":[{"text":"Result of a tool call (f 9)\nsee"},{"inlineData":{"mimeType":"image/png","data":"AQ=="}},{"text":"q"}]}]}`, "messages.0.content.0"},
		{"results in the wrong turns", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{
			user(txt("q")), says(llm.Call{ID: "1", Name: "f"}), user(txt("wait")), says(txt("yes")), user(llm.Result{CallID: "1", Parts: []llm.Part{txt("r")}}), says(txt("done")),
		}}, `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":"r"}}},{"text":"wait"}]},{"role":"model","parts":[{"text":"yes"},{"text":"done"}]}]}`, ""},
		{"arguments", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{user(txt("q")), says(llm.Call{ID: "1", Name: "f", Args: `{"a":`}, llm.Call{ID: "2", Name: "g", Args: "free", Custom: true}, llm.Call{ID: "3", Name: "h", Args: "[1]"})}},
			`{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"arguments":"{\"a\":"}}},{"functionCall":{"id":"2","name":"g","args":{"input":"free"}}},{"functionCall":{"id":"3","name":"h","args":{"arguments":"[1]"}}}]}]}`,
			"messages.1.content.0.arguments messages.1.content.1.arguments messages.1.content.2.arguments"},
		{"seals, Gemini 3", "gemini-3-flash-preview", llm.Chat{Messages: []llm.Message{
			user(txt("q")), says(llm.Thought{Text: "foreign", Seal: &llm.Seal{Issuer: "anthropic", Data: "x"}}, llm.Thought{Text: "plain"}, llm.Call{ID: "1", Name: "f"}, llm.Call{ID: "2", Name: "f"}), user(llm.Result{CallID: "1"}, llm.Result{CallID: "2"}),
			says(llm.Thought{Redacted: true, Seal: seal("r")}, llm.Call{ID: "3", Name: "f", Seal: seal("s")}, llm.Call{ID: "4", Name: "f"}), user(llm.Result{CallID: "3"}, llm.Result{CallID: "4"}),
			says(llm.Call{ID: "5", Name: "f", Seal: &llm.Seal{Issuer: "openai", Data: "y"}}),
		}}, `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"plain","thought":true},{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"2","name":"f","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":""}}},{"functionResponse":{"id":"2","name":"f","response":{"result":""}}}]},
			{"role":"model","parts":[{"thought":true,"thoughtSignature":"r"},{"functionCall":{"id":"3","name":"f","args":{}},"thoughtSignature":"s"},{"functionCall":{"id":"4","name":"f","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"3","name":"f","response":{"result":""}}},{"functionResponse":{"id":"4","name":"f","response":{"result":""}}}]},
			{"role":"model","parts":[{"functionCall":{"id":"5","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]}]}`, "messages.1.content.0 messages.5.content.0.signature"},
		{"media", "gemini-3-flash-preview", llm.Chat{Messages: []llm.Message{
			user(llm.Media{Data: []byte("\x89PNG\r\n\x1a\n"), Type: "image/*", Detail: "high", Mark: &llm.CacheMark{}}, llm.Media{URL: "https://x.org/a.pdf?k=1"}, llm.Media{FileID: "files/1", Type: "audio/mp3", Name: "n"}, llm.Media{FileID: "file-1"}, llm.Opaque{From: llm.OpenAIChat, Kind: "input_audio"}),
			says(llm.Call{ID: "1", Name: "f"}), user(llm.Result{CallID: "1", Parts: []llm.Part{llm.Media{Type: "image/png", Data: []byte{1}}}}),
		}}, `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}},{"fileData":{"mimeType":"application/pdf","fileUri":"https://x.org/a.pdf?k=1"}},{"fileData":{"mimeType":"audio/mp3","fileUri":"files/1"}}]},
			{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":""},"parts":[{"inlineData":{"mimeType":"image/png","data":"AQ=="}}]}}]}]}`,
			"!messages.0.content.3 !messages.0.content.4 messages.0.content.0.cache_control messages.0.content.0.detail messages.0.content.2.filename"},
		{"media in a result, earlier models", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{user(txt("q")), says(llm.Call{ID: "1", Name: "f"}), user(llm.Result{CallID: "1", Parts: []llm.Part{txt("see"), llm.Media{Type: "image/png", Data: []byte{1}}}})}},
			`{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"result":"see"}}},{"inlineData":{"mimeType":"image/png","data":"AQ=="}}]}]}`, "messages.2.content.0.content.1"},
		{"tools", "gemini-2.5-flash", llm.Chat{
			Messages: []llm.Message{user(txt("q"))}, Choice: llm.ToolChoice{Mode: llm.ToolAuto, Allowed: []string{"a"}, Parallel: &no},
			Tools: []llm.Tool{
				{Name: "a", Schema: jsontext.Value(`{"b":1, "a":2}`), Strict: &yes, Mark: &llm.CacheMark{}}, {Kind: "web_search_20250305", Name: "web_search", From: llm.Anthropic},
				{Name: "b"}, {Kind: "googleSearch", From: llm.Gemini, Raw: jsontext.Value(`{"googleSearch":{}}`)}, {Kind: "custom", Name: "c"}, {Name: "d"},
			},
		}, `{"tools":[{"functionDeclarations":[{"name":"a","parametersJsonSchema":{"b":1, "a":2}},{"name":"b"}]},{"googleSearch":{}},{"functionDeclarations":[{"name":"d"}]}],
			"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["a"]}},"contents":[{"role":"user","parts":[{"text":"q"}]}]}`,
			"tools.0.strict tools.0.cache_control !tools.1 !tools.4 parallel_tool_calls"},
		{"this tool", "gemini-2.5-flash", llm.Chat{Messages: []llm.Message{user(txt("q"))}, Tools: []llm.Tool{{Name: "a"}}, Choice: llm.ToolChoice{Mode: llm.ToolThis, Name: "a"}},
			`{"tools":[{"functionDeclarations":[{"name":"a"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["a"]}},"contents":[{"role":"user","parts":[{"text":"q"}]}]}`, ""},
		{"config", "gemini-2.5-flash", llm.Chat{
			Messages: []llm.Message{user(txt("q"))}, User: "u", Tier: "flex", Thinking: llm.Thinking{Budget: new(int64(2048))},
			Sampling: llm.Sampling{Temperature: new(0.7), TopP: new(1.0), TopK: new(int64(3)), MaxTokens: new(int64(10)), N: new(int64(2)), Seed: new(int64(9007199254740993)), Stop: []string{"\n"}, Logprobs: &yes, TopLogprobs: new(int64(2)), FrequencyPenalty: new(0.5), PresencePenalty: new(-1.0)},
			Output:   llm.Output{Kind: "schema", Name: "n", Schema: jsontext.Value(`{"type":"object","properties":{"k":{"const":"v"}}}`), Strict: &yes, Modalities: []string{"text"}, Verbosity: "low"},
			Ext:      llm.Ext{llm.OpenAIChat: jsontext.Value(`{"store":true,"metadata":{"a":"b"}}`)},
		}, `{"generationConfig":{"temperature":0.7,"topP":1,"topK":3,"candidateCount":2,"maxOutputTokens":10,"stopSequences":["\n"],"presencePenalty":-1,"frequencyPenalty":0.5,"seed":9007199254740993,"responseLogprobs":true,"logprobs":2,
			"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"k":{"enum":["v"]}}},"responseModalities":["TEXT"],"thinkingConfig":{"thinkingBudget":2048,"includeThoughts":true}},"contents":[{"role":"user","parts":[{"text":"q"}]}]}`,
			"store metadata verbosity user service_tier"},
		{"nothing to say", "gemini-2.5-flash", llm.Chat{System: []llm.Part{llm.Media{URL: "https://x.org/a.png"}}}, `{"contents":[{"role":"user","parts":[{"text":" "}]}]}`, "messages !system.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, losses, err := Codec{}.EncodeRequest(&tt.chat, llm.Target{Model: tt.model, Issuer: "google"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(untab(tt.want), string(got)); diff != "" {
				t.Error(diff)
			}
			if lost := paths(losses); lost != tt.losses {
				t.Errorf("losses %q, want %q", lost, tt.losses)
			}
			if again, _, _ := (Codec{}).EncodeRequest(&tt.chat, llm.Target{Model: tt.model, Issuer: "google"}); string(again) != string(got) {
				t.Error("written differently the second time")
			}
		})
	}
}

// untab takes out the line breaks that only the test's source has.
func untab(s string) string { return strings.NewReplacer("\n\t\t\t", "").Replace(s) }

func paths(losses []llm.Loss) string {
	var all []string
	for _, l := range losses {
		all = append(all, map[bool]string{true: "!"}[l.Grave]+l.Path)
	}
	return strings.Join(all, " ")
}

func TestThinking(t *testing.T) {
	budget := new(int64(4096))
	for _, tt := range []struct {
		model string
		in    llm.Thinking
		want  string
		lost  string
	}{
		{"gemini-2.5-flash", llm.Thinking{}, ``, ""},
		{"gemini-2.5-flash", llm.Thinking{Effort: "minimal"}, `{"thinkingBudget":1024}`, ""},
		{"gemini-2.5-flash", llm.Thinking{Effort: "low", Display: "hide"}, `{"thinkingBudget":1024,"includeThoughts":false}`, ""},
		{"gemini-2.5-flash", llm.Thinking{Effort: "medium"}, `{"thinkingBudget":8192}`, ""},
		{"gemini-2.5-flash", llm.Thinking{Effort: "high"}, `{"thinkingBudget":24576}`, ""},
		{"gemini-2.5-flash", llm.Thinking{Effort: "max"}, `{"thinkingBudget":24576}`, "thinking.effort"},
		{"gemini-2.5-flash", llm.Thinking{Effort: "none"}, `{"thinkingBudget":0}`, ""},
		{"gemini-2.5-flash", llm.Thinking{Off: true}, `{"thinkingBudget":0}`, ""},
		{"gemini-2.5-pro", llm.Thinking{Off: true}, `{"thinkingBudget":128}`, "thinking"},
		{"gemini-2.5-pro", llm.Thinking{Auto: true, Display: "omitted"}, `{"thinkingBudget":-1,"includeThoughts":false}`, ""},
		{"gemini-2.5-pro", llm.Thinking{Auto: true, Effort: "high", Display: "summarized"}, `{"thinkingBudget":24576,"includeThoughts":true}`, ""},
		{"models/gemini-3-flash-preview", llm.Thinking{Effort: "minimal"}, `{"thinkingLevel":"minimal"}`, ""},
		{"gemini-3.1-pro-preview", llm.Thinking{Effort: "minimal"}, `{"thinkingLevel":"low"}`, ""},
		{"gemini-3.5-flash", llm.Thinking{Effort: "xhigh"}, `{"thinkingLevel":"high"}`, "thinking.effort"},
		{"gemini-3.5-flash", llm.Thinking{Budget: budget, Effort: "low"}, `{"thinkingBudget":4096,"includeThoughts":true}`, "thinking.effort"},
		{"gemini-3.5-flash", llm.Thinking{Off: true}, `{"thinkingLevel":"minimal"}`, "thinking"},
		{"gemini-3.1-pro-preview", llm.Thinking{Off: true}, `{"thinkingLevel":"low"}`, "thinking"},
		{"gemini-flash-latest", llm.Thinking{Effort: "low"}, `{"thinkingLevel":"low"}`, ""},
		{"gemini-2.0-flash", llm.Thinking{Effort: "low"}, ``, "thinking"},
		{"gemini-2.0-flash", llm.Thinking{Off: true}, `{"thinkingBudget":0}`, ""},
		{"gemma-3-27b-it", llm.Thinking{Budget: budget}, `{"thinkingBudget":4096,"includeThoughts":true}`, ""},
		{"gemini-3.5-flash", llm.Thinking{Effort: "extreme"}, `{}`, "thinking.effort"},
	} {
		e := &encoder{to: llm.Target{Model: tt.model}}
		e.thinking(tt.in, nil)
		if got := strings.TrimPrefix(string(e.w.B), `"thinkingConfig":`); got != tt.want || paths(e.losses) != tt.lost {
			t.Errorf("%s %+v: %s, lost %q; want %s, %q", tt.model, tt.in, got, paths(e.losses), tt.want, tt.lost)
		}
	}
}

func TestSchema(t *testing.T) {
	for _, tt := range []struct{ in, want, lost string }{
		{`{"type":"object","properties":{"a":{"type":"string","pattern":"x","minLength":1},"b":{"type":["string","null"],"default":null}},"required":["a"],"$schema":"s"}`, "", ""},
		{`{"const":"a","type":"string"}`, `{"enum":["a"],"type":"string"}`, ""},
		{`{"const":true}`, `{"const":true}`, ""},
		{`{"properties":{"const":{"const":1},"$ref":{"type":"string"}}}`, `{"properties":{"const":{"enum":[1]},"$ref":{"type":"string"}}}`, ""},
		{`{"definitions":{"A":{"type":"string"}},"properties":{"x":{"$ref":"#/definitions/A"}}}`, `{"$defs":{"A":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/A"}}}`, ""},
		{`{"$defs":{"A":{}},"items":{"$ref":"#/$defs/A","description":"d","$comment":"c"}}`, `{"$defs":{"A":{}},"items":{"anyOf":[{"$ref":"#/$defs/A"}],"description":"d","$comment":"c"}}`, ""},
		{`{"allOf":[{"$ref":"#/$defs/A"}],"description":"d"}`, `{"anyOf":[{"$ref":"#/$defs/A"}],"description":"d"}`, ""},
		{`{"allOf":[{"type":"string"},{"minLength":1}]}`, `{"allOf":[{"type":"string"},{"minLength":1}]}`, "allOf"},
		{`{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}`, `{"type":"integer","minimum":1,"maximum":9}`, ""},
		{`{"type":"number","exclusiveMinimum":0.5}`, `{"type":"number","minimum":0.5}`, "exclusiveMinimum"},
		{`{"minimum":1,"exclusiveMinimum":true}`, `{"minimum":1}`, "exclusiveMinimum"},
		{`{"oneOf":[{"const":"a"},{"const":"b"}],"discriminator":{"propertyName":"k"}}`, `{"oneOf":[{"enum":["a"]},{"enum":["b"]}]}`, "discriminator"},
		{`{"additionalProperties":{"const":2},"items":[{"const":3},true],"enum":["const"]}`, `{"additionalProperties":{"enum":[2]},"items":[{"enum":[3]},true],"enum":["const"]}`, ""},
		{`true`, "", ""},
	} {
		got, lost := compile(jsontext.Value(tt.in))
		if tt.want == "" {
			tt.want = tt.in
		}
		if string(got) != tt.want || strings.Join(lost, " ") != tt.lost {
			t.Errorf("%s\n got %s %v\nwant %s %s", tt.in, got, lost, tt.want, tt.lost)
		}
	}
	open := fromOpenAPI([]byte(`{"type":"OBJECT","property_ordering":["a"],"properties":{"a":{"type":5,"items":{"type":"STRING","format":"enum","enum":["x"]},"minItems":"2"},"nullable":{"any_of":[{"type":"NUMBER","nullable":true},{"type":"TYPE_UNSPECIFIED"}],"example":{"type":"KEEP"}}},"additionalProperties":{"type":"BOOLEAN"}}`))
	want := `{"type":"object","propertyOrdering":["a"],"properties":{"a":{"type":"array","items":{"type":"string","format":"enum","enum":["x"]},"minItems":2},"nullable":{"anyOf":[{"type":["number","null"]},{}],"examples":[{"type":"KEEP"}]}},"additionalProperties":{"type":"boolean"}}`
	if string(open) != want {
		t.Errorf("got %s", open)
	}
}

// What is written is read again as what it was.
func TestRequestRoundTrip(t *testing.T) {
	for _, r := range []string{
		`{"contents":[{"role":"user","parts":[{"text":"a"}]}],"generationConfig":{"responseMimeType":"text/x.enum","responseSchema":{"type":"STRING","enum":["a"]},"thinkingConfig":{"thinkingLevel":"LOW","new":1}},"toolConfig":{"includeServerSideToolInvocations":true,"functionCallingConfig":{"mode":"VALIDATED","more":2}},"safetySettings":[]}`,
	} {
		chat, err := Codec{}.DecodeRequest([]byte(r))
		if err != nil {
			t.Fatal(err)
		}
		out, losses, _ := Codec{}.EncodeRequest(chat, llm.Target{Model: "gemini-3-flash", Issuer: "google"})
		again, err := Codec{}.DecodeRequest(out)
		if diff := cmp.Diff(chat, again, equal); diff != "" || err != nil || len(losses) > 0 {
			t.Errorf("%v %v\n%s\n%s", err, losses, out, diff)
		}
		if corpus.Canonical(t, out) != corpus.Canonical(t, []byte(`{"contents":[{"role":"user","parts":[{"text":"a"}]}],"generationConfig":{"responseMimeType":"text/x.enum","responseJsonSchema":{"type":"string","enum":["a"]},"thinkingConfig":{"thinkingLevel":"low","includeThoughts":false,"new":1}},"toolConfig":{"includeServerSideToolInvocations":true,"functionCallingConfig":{"mode":"VALIDATED","more":2}},"safetySettings":[]}`)) {
			t.Errorf("%s", out)
		}
	}
}

// Neither many odd names nor many calls without ids may cost more than their bytes: these would take minutes if they did.
func TestLinear(t *testing.T) {
	var names, calls, results strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&names, `"a_b%d":1,`, i)
		fmt.Fprintf(&calls, `{"functionCall":{"name":"f%d"}},`, i%3)
		fmt.Fprintf(&results, `{"functionResponse":{"name":"f%d","response":{}}},`, (i+1)%3)
	}
	body := []byte(`{` + names.String() + `"contents":[{"role":"model","parts":[` + calls.String() + `{"functionCall":{"id":"call_7","name":"g"}}]},{"parts":[` + results.String() + `{"text":"x"}]}]}`)
	if _, err := (Codec{}).Head(body); err != nil {
		t.Fatal(err)
	}
	chat, err := Codec{}.DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range chat.Messages[1].Parts {
		if r, ok := p.(llm.Result); ok {
			if seen[r.CallID] || r.CallID == "call_7" {
				t.Fatalf("%s is answered twice", r.CallID)
			}
			seen[r.CallID] = true
		}
	}
	if len(seen) != 60_000 {
		t.Error(len(seen))
	}
}
