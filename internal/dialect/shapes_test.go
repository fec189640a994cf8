package dialect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
)

// A shape is something that a vendor refuses, which must never be written, whoever asked for what. Refused is the vendor's message,
// where a recording has it: its request must then be recognised. Bad is a request of ours with the shape in it.
type shape struct {
	name    string
	refused string // regular expression
	bad     string
	in      func(r request) bool
}

// request is a document as the vendor sees it.
type request struct {
	model string
	doc   obj
}

type obj = map[string]any

func parse(body []byte) obj {
	var o obj
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	_ = d.Decode(&o)
	return o
}

func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, _ := v.(obj)
			v = o[p]
		case int:
			a, _ := v.([]any)
			if p >= len(a) {
				return nil
			}
			v = a[p]
		}
	}
	return v
}

func text(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

func number(v any, path ...any) float64 {
	n, _ := at(v, path...).(json.Number)
	f, _ := n.Float64()
	return f
}

func items(v any, path ...any) []any {
	a, _ := at(v, path...).([]any)
	return a
}

// within looks through a document for something that f recognises.
func within(v any, f func(name string, v any) bool) bool {
	var look func(name string, v any) bool
	look = func(name string, v any) bool {
		if f(name, v) {
			return true
		}
		switch v := v.(type) {
		case obj:
			for k, inner := range v {
				if look(k, inner) {
					return true
				}
			}
		case []any:
			for _, inner := range v {
				if look("", inner) {
					return true
				}
			}
		}
		return false
	}
	return look("", v)
}

func some[T any](list []T, f func(T) bool) bool { return slices.ContainsFunc(list, f) }

func empty(v any) bool {
	a, ok := v.([]any)
	return ok && len(a) == 0
}

var shapes = map[llm.Dialect][]shape{llm.OpenAIChat: chatShapes, llm.Anthropic: messagesShapes, llm.Gemini: geminiShapes}

// TestShapes: the rules recognise what they are for.
func TestShapes(t *testing.T) {
	for d, list := range shapes {
		for _, s := range list {
			if s.bad == "" || !s.in(request{"", parse([]byte(s.bad))}) {
				t.Errorf("%s: %q does not recognise %s", d, s.name, s.bad)
			}
		}
	}
}

// TestRefusedShapes: what providers are recorded to have refused is recognised, as far as there is a rule for it.
func TestRefusedShapes(t *testing.T) {
	corpus.Shared(t)
	c := newTally(t)
	defer c.report()
	for _, s := range surfaces {
		for _, rec := range corpus.Read(t, s.name) {
			if rec.Status != 400 && rec.Status != 422 || rec.RequestEncoding != "json" {
				continue
			}
			what := s.name + " refusals without a rule (models, keys, addresses, the answer itself)"
			ok := true
			for _, shape := range shapes[s.dialect] {
				if shape.refused != "" && regexp.MustCompile(shape.refused).MatchString(rec.ResponseBody) {
					what = s.name + " refused: " + shape.name
					ok = shape.in(request{rec.Model, parse(rec.RequestBody)})
				}
			}
			c.check(what, rec, ok, "%.500s", rec.RequestBody)
		}
	}
}

// TestShapesInTranslations: no recorded request becomes something that the vendor refuses.
func TestShapesInTranslations(t *testing.T) {
	all := readRequests(t)
	c := newTally(t)
	defer c.report()
	for _, a := range all {
		for _, to := range targets {
			if to.dialect == a.from {
				continue
			}
			out, _, err := codecOf(t, to.dialect).EncodeRequest(a.chat, to.target)
			if err != nil {
				continue
			}
			r := request{to.target.Model, parse(out)}
			for _, s := range shapes[to.dialect] {
				what := fmt.Sprintf("%s to %s: %s", a.from, to.target.Model, s.name)
				c.check(what, a.rec, !s.in(r), "%.2000s", out)
			}
		}
	}
}

// chatShapes are what OpenAI refuses.
var chatShapes = []shape{
	{"no messages", `'messages': empty array`, `{"messages":[]}`,
		func(r request) bool { return len(items(r.doc, "messages")) == 0 }},
	{"a content part without a type", `messages\[1\]\.content\[0\]\.type`, `{"messages":[{"role":"user","content":[{"text":"x"}]}]}`,
		func(r request) bool { return chatParts(r, func(p any) bool { return text(p, "type") == "" }) }},
	{"a content part that is none of OpenAI's", `unsupported content`, `{"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"https://x/y.mp4"}}]}]}`,
		func(r request) bool {
			kinds := []string{"text", "image_url", "input_audio", "file", "refusal", ""}
			return chatParts(r, func(p any) bool { return !slices.Contains(kinds, text(p, "type")) })
		}},
	{"an empty text part", "", `{"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}`,
		func(r request) bool {
			return chatParts(r, func(p any) bool { return text(p, "type") == "text" && text(p, "text") == "" })
		}},
	{"an empty array", "", `{"messages":[{"role":"user","content":[]}]}`,
		func(r request) bool {
			return empty(at(r.doc, "tools")) || empty(at(r.doc, "stop")) || some(items(r.doc, "messages"), func(m any) bool {
				return empty(at(m, "content")) || empty(at(m, "tool_calls"))
			})
		}},
	{"a call that is not answered at once, or an answer without its call", "", `{"messages":[{"role":"assistant","tool_calls":[{"id":"1"}]},{"role":"user","content":"x"}]}`,
		chatUnpaired},
	{"tool_choice without tools", "", `{"tool_choice":"auto","messages":[]}`,
		func(r request) bool { return at(r.doc, "tool_choice") != nil && at(r.doc, "tools") == nil }},
	{"tool_choice names a tool that is not there", "", `{"tool_choice":{"type":"function","function":{"name":"g"}},"tools":[{"function":{"name":"f"}}]}`,
		func(r request) bool {
			name := text(r.doc, "tool_choice", "function", "name")
			return name != "" && !some(items(r.doc, "tools"), func(t any) bool { return text(t, "function", "name") == name })
		}},
	{"parallel_tool_calls without tools", "", `{"parallel_tool_calls":false}`,
		func(r request) bool { return at(r.doc, "parallel_tool_calls") != nil && at(r.doc, "tools") == nil }},
	{"a tool's name", "", `{"tools":[{"function":{"name":"a.b"}}]}`,
		func(r request) bool {
			return some(items(r.doc, "tools"), func(t any) bool { return badName(chatName, text(t, "function", "name")) })
		}},
	{"a schema's name", "", `{"response_format":{"type":"json_schema","json_schema":{"name":"a b"}}}`,
		func(r request) bool {
			return text(r.doc, "response_format", "type") == "json_schema" && !chatName.MatchString(text(r.doc, "response_format", "json_schema", "name"))
		}},
	{"stream_options without stream", "", `{"stream_options":{}}`,
		func(r request) bool { return at(r.doc, "stream_options") != nil && at(r.doc, "stream") != true }},
	{"max_tokens to a model that thinks", `Use 'max_completion_tokens' instead`, `{"max_tokens":1}`,
		func(r request) bool { return at(r.doc, "max_tokens") != nil }},
	{"a temperature to a model that thinks", `'temperature' is not supported`, `{"temperature":0.5,"reasoning_effort":"low"}`,
		func(r request) bool {
			thinks := at(r.doc, "reasoning_effort") != nil && text(r.doc, "reasoning_effort") != "none" || chatThinks.MatchString(r.model)
			return thinks && at(r.doc, "temperature") != nil && number(r.doc, "temperature") != 1
		}},
	{"tools together with effort", "", `{"tools":[{"function":{"name":"f"}}],"reasoning_effort":"low"}`,
		func(r request) bool {
			if r.model != "" && !chatNoEffort.MatchString(r.model) {
				return false
			}
			return at(r.doc, "tools") != nil && text(r.doc, "reasoning_effort") != "none"
		}},
}

var (
	chatName     = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	chatThinks   = regexp.MustCompile(`(^|/)(o[134](-|$)|gpt-5(-mini|-nano|-pro)?(-\d{4}|$)|gpt-5\.[5-9]|gpt-6)`)
	chatNoEffort = regexp.MustCompile(`(^|/)(gpt-5\.[4-9]|gpt-6)`)
)

func badName(good *regexp.Regexp, name string) bool { return name != "" && !good.MatchString(name) }

func chatParts(r request, f func(part any) bool) bool {
	return some(items(r.doc, "messages"), func(m any) bool { return some(items(m, "content"), f) })
}

func chatUnpaired(r request) bool {
	open := map[string]bool{}
	for _, m := range items(r.doc, "messages") {
		if text(m, "role") == "tool" {
			id := text(m, "tool_call_id")
			if !open[id] {
				return true
			}
			delete(open, id)
			continue
		}
		if len(open) > 0 {
			return true
		}
		for _, c := range items(m, "tool_calls") {
			open[text(c, "id")] = true
		}
	}
	return len(open) > 0
}

// messagesShapes are what Anthropic refuses.
var messagesShapes = []shape{
	{"a tool's schema without a type", `input_schema\.type: Field required`, `{"tools":[{"name":"f","input_schema":{}}]}`,
		func(r request) bool {
			return some(ownTools(r), func(t any) bool { return text(t, "input_schema", "type") != "object" })
		}},
	{"a union at the top of a tool's schema", `does not support oneOf, allOf, or anyOf`, `{"tools":[{"name":"f","input_schema":{"type":"object","oneOf":[]}}]}`,
		func(r request) bool {
			return some(ownTools(r), func(t any) bool {
				s := at(t, "input_schema")
				return at(s, "oneOf") != nil || at(s, "anyOf") != nil || at(s, "allOf") != nil
			})
		}},
	{"a strict schema that allows anything", `property 'properties' is not supported`, `{"tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{"a":true}}}]}`,
		func(r request) bool {
			return some(heldSchemas(r), func(s any) bool {
				return within(s, func(name string, v any) bool {
					return name != "" && v == true && name != "nullable" && name != "default"
				})
			})
		}},
	{"a strict schema that refers to itself", `Circular reference`, `{"tools":[{"name":"f","strict":true,"input_schema":{"$defs":{"N":{"properties":{"n":{"$ref":"#/$defs/N"}}}}}}]}`,
		func(r request) bool { return some(heldSchemas(r), circular) }},
	{"more than 16 unions in strict schemas", `too many parameters with union types`, `{"tools":[{"name":"f","strict":true,"input_schema":{"properties":{` + unions(17) + `}}}]}`,
		func(r request) bool {
			n := 0
			for _, s := range heldSchemas(r) {
				within(s, func(name string, v any) bool {
					if _, list := v.([]any); name == "anyOf" || name == "type" && list {
						n++
					}
					return false
				})
			}
			return n > 16
		}},
	{"more than 20 strict tools", `Too many strict tools`, `{"tools":[` + strings.Repeat(`{"name":"f","strict":true},`, 20) + `{"name":"f","strict":true}]}`,
		func(r request) bool {
			n := 0
			for _, t := range ownTools(r) {
				if at(t, "strict") == true {
					n++
				}
			}
			return n > 20
		}},
	{"a keyword that strict schemas may not have", "", `{"output_config":{"format":{"schema":{"type":"object","additionalProperties":false,"properties":{"n":{"type":"integer","minimum":1}}}}}}`,
		func(r request) bool {
			return some(heldSchemas(r), func(s any) bool {
				return keyword(s, "minimum", "maximum", "minLength", "maxLength", "multipleOf", "maxItems", "uniqueItems")
			})
		}},
	{"an open object in a strict schema", "", `{"output_config":{"format":{"schema":{"type":"object"}}}}`,
		func(r request) bool {
			return some(heldSchemas(r), func(s any) bool {
				return within(s, func(_ string, v any) bool {
					return text(v, "type") == "object" && at(v, "additionalProperties") != false
				})
			})
		}},
	{"no messages", "", `{"messages":[]}`, func(r request) bool { return len(items(r.doc, "messages")) == 0 }},
	{"no max_tokens", "", `{"messages":[]}`, func(r request) bool { return number(r.doc, "max_tokens") < 1 }},
	{"empty text", "", `{"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}`,
		func(r request) bool {
			return within(r.doc["messages"], func(name string, v any) bool { return name == "" && text(v, "type") == "text" && text(v, "text") == "" }) ||
				some(items(r.doc, "messages"), func(m any) bool { return at(m, "content") == "" || empty(at(m, "content")) || at(m, "content") == nil }) ||
				some(items(r.doc, "system"), func(b any) bool { return text(b, "text") == "" }) || at(r.doc, "system") == ""
		}},
	{"white space as a user's text", "", `{"messages":[{"role":"user","content":" "}]}`,
		func(r request) bool {
			return some(items(r.doc, "messages"), func(m any) bool {
				blank := func(v any) bool { s, ok := v.(string); return ok && strings.TrimSpace(s) == "" }
				return text(m, "role") == "user" && (blank(at(m, "content")) || some(items(m, "content"), func(b any) bool { return text(b, "type") == "text" && blank(at(b, "text")) }))
			})
		}},
	{"results that are not the beginning of the turn after their calls", "", `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1"}]},{"role":"user","content":"x"}]}`,
		messagesUnpaired},
	{"an id twice", "", `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1"},{"type":"tool_use","id":"1"}]}]}`,
		func(r request) bool {
			seen := map[string]int{}
			for _, m := range items(r.doc, "messages") {
				for _, b := range items(m, "content") {
					if text(b, "type") == "tool_use" {
						seen[text(b, "id")]++
					}
				}
			}
			return slices.ContainsFunc(slices.Collect(func(yield func(int) bool) {
				for _, n := range seen {
					if !yield(n) {
						return
					}
				}
			}), func(n int) bool { return n > 1 })
		}},
	{"an id outside of the alphabet", "", `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"f:0"}]}]}`,
		func(r request) bool {
			return within(r.doc["messages"], func(_ string, v any) bool {
				return text(v, "type") == "tool_use" && !messagesID.MatchString(text(v, "id"))
			})
		}},
	{"input that is no object", "", `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","input":"{}"}]}]}`,
		func(r request) bool {
			return within(r.doc["messages"], func(_ string, v any) bool {
				_, object := at(v, "input").(obj)
				return text(v, "type") == "tool_use" && !object
			})
		}},
	{"a tool's name", "", `{"tools":[{"name":"a.b","input_schema":{"type":"object"}}]}`,
		func(r request) bool {
			return some(ownTools(r), func(t any) bool { return !messagesName.MatchString(text(t, "name")) })
		}},
	{"a choice among tools that are not there", "", `{"tool_choice":{"type":"tool","name":"g"},"tools":[{"name":"f"}]}`,
		func(r request) bool {
			name := text(r.doc, "tool_choice", "name")
			return at(r.doc, "tool_choice") != nil && at(r.doc, "tools") == nil || name != "" && !some(items(r.doc, "tools"), func(t any) bool { return text(t, "name") == name })
		}},
	{"a temperature above 1", "", `{"temperature":1.5}`, func(r request) bool { return number(r.doc, "temperature") > 1 }},
	{"a temperature, or a forced call, while thinking", "", `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":3000,"temperature":0.5}`,
		func(r request) bool {
			if kind := text(r.doc, "thinking", "type"); kind != "enabled" && kind != "adaptive" {
				return false
			}
			forced := text(r.doc, "tool_choice", "type")
			return at(r.doc, "temperature") != nil && number(r.doc, "temperature") != 1 || at(r.doc, "top_k") != nil ||
				text(r.doc, "thinking", "type") == "enabled" && (forced == "any" || forced == "tool")
		}},
	{"a budget that does not fit", "", `{"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":2000}`,
		func(r request) bool {
			budget := number(r.doc, "thinking", "budget_tokens")
			return text(r.doc, "thinking", "type") == "enabled" && (budget < 1024 || budget >= number(r.doc, "max_tokens"))
		}},
	{"white space at the end of a begun answer", "", `{"messages":[{"role":"assistant","content":"x "}]}`,
		func(r request) bool {
			turns := items(r.doc, "messages")
			if len(turns) == 0 || text(turns[len(turns)-1], "role") != "assistant" {
				return false
			}
			last := turns[len(turns)-1]
			said := text(last, "content")
			if blocks := items(last, "content"); len(blocks) > 0 {
				said = text(blocks[len(blocks)-1], "text")
			}
			return said != strings.TrimRight(said, " \t\r\n")
		}},
	{"a medium of another type", "", `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/tiff"}}]}]}`,
		func(r request) bool {
			return within(r.doc["messages"], func(_ string, v any) bool {
				kind := text(v, "source", "media_type")
				return text(v, "source", "type") == "base64" && !slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"}, kind)
			})
		}},
}

var (
	messagesID   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	messagesName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

func unions(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"u%d":{"type":["string","null"]}`, i)
	}
	return strings.Join(all, ",")
}

// ownTools are the tools that the caller runs.
func ownTools(r request) (all []any) {
	for _, t := range items(r.doc, "tools") {
		if kind := text(t, "type"); kind == "" || kind == "custom" {
			all = append(all, t)
		}
	}
	return all
}

// heldSchemas are those that the vendor compiles.
func heldSchemas(r request) (all []any) {
	for _, t := range ownTools(r) {
		if at(t, "strict") == true {
			all = append(all, at(t, "input_schema"))
		}
	}
	if s := at(r.doc, "output_config", "format", "schema"); s != nil {
		all = append(all, s)
	}
	return all
}

// keyword finds a keyword of a schema; properties may be called the same.
func keyword(schema any, names ...string) bool {
	s, _ := schema.(obj)
	for name, v := range s {
		switch {
		case slices.Contains(names, name):
			return true
		case name == "properties" || name == "$defs":
			named, _ := v.(obj)
			for _, inner := range named {
				if keyword(inner, names...) {
					return true
				}
			}
		case name == "items" || name == "additionalProperties":
			if keyword(v, names...) {
				return true
			}
		}
		for _, inner := range items(v) {
			if keyword(inner, names...) {
				return true
			}
		}
	}
	return false
}

// circular tells whether a definition refers to itself, however far around.
func circular(schema any) bool {
	defs, _ := at(schema, "$defs").(obj)
	if defs == nil {
		defs, _ = at(schema, "definitions").(obj)
	}
	var reaches func(from any, name string, depth int) bool
	reaches = func(from any, name string, depth int) bool {
		return depth < 20 && within(from, func(k string, v any) bool {
			ref, _ := v.(string)
			if k != "$ref" {
				return false
			}
			next := ref[strings.LastIndexByte(ref, '/')+1:]
			return next == name || defs[next] != nil && reaches(defs[next], name, depth+1)
		})
	}
	for name, def := range defs {
		if reaches(def, name, 0) {
			return true
		}
	}
	return false
}

func messagesUnpaired(r request) bool {
	open := map[string]bool{}
	for _, m := range items(r.doc, "messages") {
		if text(m, "role") == "user" {
			others := false
			for _, b := range items(m, "content") {
				if text(b, "type") != "tool_result" {
					others = true
					continue
				}
				if id := text(b, "tool_use_id"); !open[id] || others {
					return true
				}
				delete(open, text(b, "tool_use_id"))
			}
		}
		if len(open) > 0 {
			return true
		}
		for _, b := range items(m, "content") {
			if text(b, "type") == "tool_use" {
				open[text(b, "id")] = true
			}
		}
	}
	return len(open) > 0
}

// geminiShapes are what Google refuses.
var geminiShapes = []shape{
	{"a role other than user and model", `use a valid role`, `{"contents":[{"role":"system","parts":[{"text":"x"}]}]}`,
		func(r request) bool {
			return some(items(r.doc, "contents"), func(c any) bool { return text(c, "role") != "user" && text(c, "role") != "model" })
		}},
	{"nothing said", "", `{"contents":[{"role":"user","parts":[]}]}`,
		func(r request) bool {
			return len(items(r.doc, "contents")) == 0 || some(items(r.doc, "contents"), func(c any) bool {
				return len(items(c, "parts")) == 0 || some(items(c, "parts"), func(p any) bool {
					o, _ := p.(obj)
					return len(o) == 0 || p != nil && at(p, "text") == "" && at(p, "thoughtSignature") == nil
				})
			})
		}},
	{"neighbours of one role", "", `{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"user","parts":[{"text":"x"}]}]}`,
		func(r request) bool {
			all := items(r.doc, "contents")
			for i := 1; i < len(all); i++ {
				if text(all[i], "role") == text(all[i-1], "role") {
					return true
				}
			}
			return false
		}},
	{"responses that are not as many as the calls before", "", `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]},{"role":"user","parts":[{"functionResponse":{"name":"f"}},{"functionResponse":{"name":"f"}}]}]}`,
		func(r request) bool {
			calls := 0
			for _, c := range items(r.doc, "contents") {
				n, responses := 0, 0
				for _, p := range items(c, "parts") {
					if at(p, "functionCall") != nil {
						n++
					}
					if at(p, "functionResponse") != nil {
						responses++
					}
				}
				if responses > 0 && responses != calls {
					return true
				}
				calls = n
			}
			return false
		}},
	{"arguments or a response that are no object", "", `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":[]}}]}]}`,
		func(r request) bool {
			return within(r.doc["contents"], func(name string, v any) bool {
				_, object := v.(obj)
				return (name == "args" || name == "response") && !object && v != nil
			})
		}},
	{"a function's name", "", `{"tools":[{"functionDeclarations":[{"name":"1 f"}]}]}`,
		func(r request) bool {
			return some(items(r.doc, "tools"), func(t any) bool {
				return some(items(t, "functionDeclarations"), func(f any) bool { return !geminiName.MatchString(text(f, "name")) })
			})
		}},
	{"a budget and a level", "", `{"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"low"}}}`,
		func(r request) bool {
			c := at(r.doc, "generationConfig", "thinkingConfig")
			return at(c, "thinkingBudget") != nil && at(c, "thinkingLevel") != nil
		}},
	{"allowed names without a mode that takes them", "", `{"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["f"]}}}`,
		func(r request) bool {
			c := at(r.doc, "toolConfig", "functionCallingConfig")
			return at(c, "allowedFunctionNames") != nil && text(c, "mode") != "ANY" && text(c, "mode") != "VALIDATED"
		}},
	{"a forced call without functions", "", `{"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}`,
		func(r request) bool {
			mode := text(r.doc, "toolConfig", "functionCallingConfig", "mode")
			return (mode == "ANY" || mode == "VALIDATED") && !some(items(r.doc, "tools"), func(t any) bool { return len(items(t, "functionDeclarations")) > 0 })
		}},
	{"data without a type", "", `{"contents":[{"role":"user","parts":[{"inlineData":{"data":"AA=="}}]}]}`,
		func(r request) bool {
			return within(r.doc["contents"], func(name string, v any) bool {
				kind := text(v, "mimeType")
				return name == "inlineData" && (!strings.Contains(kind, "/") || strings.HasSuffix(kind, "/*"))
			})
		}},
	{"a type without a subtype", "", `{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"image/*","fileUri":"https://x/y"}}]}]}`,
		func(r request) bool {
			return within(r.doc["contents"], func(name string, v any) bool {
				return name == "fileData" && strings.HasSuffix(text(v, "mimeType"), "/*")
			})
		}},
	{"$ref among other keywords", "", `{"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"$ref":"#/$defs/A","type":"object"}}]}]}`,
		func(r request) bool {
			return within(r.doc, func(name string, v any) bool {
				s, _ := v.(obj)
				if _, ref := s["$ref"].(string); !ref || name == "response" || name == "args" || name == "properties" {
					return false
				}
				for k := range s {
					if !strings.HasPrefix(k, "$") {
						return true
					}
				}
				return false
			})
		}},
}

var geminiName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$`)
