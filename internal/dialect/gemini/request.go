package gemini

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// decoder reads one request. The first failure is kept.
type decoder struct {
	err   error
	where string          // the content that is being read, for messages
	given map[string]bool // ids of the request itself that look like ours
	calls map[string]bool // ids of the calls so far
	made  int             // ids made so far
	open  openCalls
}

// DecodeRequest reads a GenerateContentRequest. Model and Stream are not in it.
func (Codec) DecodeRequest(body []byte) (*llm.Chat, error) {
	d := &decoder{calls: map[string]bool{}, given: givenIDs(body)}
	chat := &llm.Chat{Usage: true}
	var rest, config extra
	var contents []byte
	err := members(body, func(name, value []byte) {
		switch string(name) {
		case "contents":
			contents = value
		case "systemInstruction":
			d.where = "systemInstruction"
			chat.System = d.content(value).Parts
		case "tools":
			d.try("tools", list(value, func(i int, tool []byte) { d.tool(chat, i, tool) }))
		case "toolConfig":
			d.toolConfig(chat, value, &rest)
		case "generationConfig":
			d.config(chat, value, &config)
		case "model": // of the URL; batch writers repeat it here
		case "cachedContent": // a prompt that Google keeps
			rest.add(name, value)
			chat.Vital = append(chat.Vital, "cachedContent")
		default:
			rest.add(name, value)
		}
	})
	d.try("", err)
	if contents == nil {
		d.try("", bad("contents", "missing_required_parameter", "contents is missing"))
	}
	d.try("contents", list(contents, func(i int, content []byte) {
		d.where = fmt.Sprintf("contents.%d", i)
		chat.Messages = append(chat.Messages, d.content(content))
	}))
	if d.err != nil {
		return nil, d.err
	}
	rest.nest("generationConfig", &config)
	chat.Ext = rest.ext()
	return chat, nil
}

// try keeps the first error.
func (d *decoder) try(param string, err error) {
	if err != nil && d.err == nil {
		d.err = invalid(param, err)
	}
}

func (d *decoder) content(raw []byte) llm.Message {
	m := llm.Message{Role: llm.RoleUser}
	var parts []byte
	var rest extra
	d.try(d.where, members(raw, func(name, value []byte) {
		switch string(name) {
		case "role":
			m.Role = d.role(text(value))
		case "parts":
			parts = value
		default:
			rest.add(name, value)
		}
	}))
	m.Ext = rest.ext()
	if parts == nil {
		return m
	}
	fresh := true
	d.try(d.where+".parts", list(parts, func(i int, raw []byte) {
		p := d.part(i, raw)
		if call, ok := p.(llm.Call); ok {
			if fresh {
				d.open, fresh = openCalls{}, false
			}
			p = d.identify(call)
		}
		if r, ok := p.(llm.Result); ok {
			p = d.pair(r)
		}
		if p != nil {
			m.Parts = append(m.Parts, p)
		}
	}))
	return m
}

func (d *decoder) role(word string) llm.Role {
	switch word {
	case "", "user", "function", "tool":
		return llm.RoleUser
	case "model", "assistant":
		return llm.RoleAssistant
	case "system":
		return llm.RoleSystem
	}
	d.try("", bad(d.where+".role", "invalid_role", "the role must be user or model"))
	return llm.RoleUser
}

// part reads one part; nil when it says nothing.
func (d *decoder) part(i int, raw []byte) llm.Part {
	var f partFields
	if err := f.read(raw); err != nil {
		d.try(fmt.Sprintf("%s.parts.%d", d.where, i), err)
		return nil
	}
	p, err := f.part(raw, issuer)
	if err != nil {
		d.try("", bad(fmt.Sprintf("%s.parts.%d.%s", d.where, i, f.kind), "invalid_part", err.Error()))
	}
	return p
}

// functions is the member of Tool that holds functions; every other is a tool that Google runs.
const functions = "functionDeclarations"

func (d *decoder) tool(chat *llm.Chat, i int, raw []byte) {
	at := fmt.Sprintf("tools.%d", i)
	d.try(at, members(raw, func(name, value []byte) {
		if string(name) == functions {
			d.try(at+"."+functions, list(value, func(_ int, f []byte) { chat.Tools = append(chat.Tools, d.function(at, f)) }))
			return
		}
		w := rawjson.Writer{}
		w.Open('{')
		w.Name(string(name))
		w.Raw(value)
		w.Close('}')
		chat.Tools = append(chat.Tools, llm.Tool{Kind: string(name), Name: string(name), From: llm.Gemini, Raw: jsontext.Value(w.B)})
	}))
}

func (d *decoder) function(at string, raw []byte) llm.Tool {
	var t llm.Tool
	var rest extra
	d.try(at, members(raw, func(name, value []byte) {
		switch string(name) {
		case "name":
			t.Name = text(value)
		case "description":
			t.Description = text(value)
		case "parameters":
			t.Schema = fromOpenAPI(value)
		case "parametersJsonSchema":
			t.Schema = bytes.Clone(value)
		default:
			rest.add(name, value)
		}
	}))
	t.Ext = rest.ext()
	return t
}

// modes are the words of FunctionCallingConfig.mode by number.
var modes = []string{"", "AUTO", "ANY", "NONE", "VALIDATED"}

func (d *decoder) toolConfig(chat *llm.Chat, raw []byte, outer *extra) {
	var rest, calling extra
	c := &chat.Choice
	d.try("toolConfig", members(raw, func(name, value []byte) {
		if string(name) != "functionCallingConfig" {
			rest.add(name, value)
			return
		}
		d.try("toolConfig.functionCallingConfig", members(value, func(name, value []byte) {
			switch string(name) {
			case "mode":
				c.Mode = d.mode(value, &calling)
			case "allowedFunctionNames":
				c.Allowed = strs(value)
			default:
				calling.add(name, value)
			}
		}))
	}))
	if c.Mode == llm.ToolAny && len(c.Allowed) == 1 {
		c.Mode, c.Name, c.Allowed = llm.ToolThis, c.Allowed[0], nil
	}
	rest.nest("functionCallingConfig", &calling)
	outer.nest("toolConfig", &rest)
}

func (d *decoder) mode(value []byte, rest *extra) llm.ToolMode {
	switch strings.ToUpper(enum(value, modes)) {
	case "AUTO":
		return llm.ToolAuto
	case "ANY":
		return llm.ToolAny
	case "NONE":
		return llm.ToolNone
	case "VALIDATED": // AUTO, with calls held to their schemas
		rest.add([]byte("mode"), []byte(`"VALIDATED"`))
		return llm.ToolAuto
	case "", "MODE_UNSPECIFIED":
		return ""
	}
	d.try("", bad("toolConfig.functionCallingConfig.mode", "invalid_value", "the mode must be AUTO, ANY, NONE or VALIDATED"))
	return ""
}

func strs(value []byte) (out []string) {
	_ = rawjson.Array(value, func(_ int, item []byte) bool { out = append(out, text(item)); return true })
	return out
}

// config reads a generationConfig.
func (d *decoder) config(chat *llm.Chat, raw []byte, rest *extra) {
	s, o := &chat.Sampling, &chat.Output
	float := func(dst **float64, name, value []byte) {
		f, ok := number(value)
		if !ok {
			d.try("", bad("generationConfig."+string(name), "invalid_type", string(name)+" must be a number"))
		}
		*dst = &f
	}
	integer := func(dst **int64, name, value []byte) {
		n, ok := whole(value)
		if !ok {
			d.try("", bad("generationConfig."+string(name), "invalid_type", string(name)+" must be a whole number"))
		}
		*dst = &n
	}
	var mime string
	d.try("generationConfig", members(raw, func(name, value []byte) {
		switch string(name) {
		case "temperature":
			float(&s.Temperature, name, value)
		case "topP":
			float(&s.TopP, name, value)
		case "frequencyPenalty":
			float(&s.FrequencyPenalty, name, value)
		case "presencePenalty":
			float(&s.PresencePenalty, name, value)
		case "topK":
			integer(&s.TopK, name, value)
		case "maxOutputTokens":
			integer(&s.MaxTokens, name, value)
		case "seed":
			integer(&s.Seed, name, value)
		case "candidateCount":
			integer(&s.N, name, value)
		case "logprobs":
			integer(&s.TopLogprobs, name, value)
		case "responseLogprobs":
			yes := isTrue(value)
			s.Logprobs = &yes
		case "stopSequences":
			s.Stop = strs(value)
		case "responseMimeType":
			mime = text(value)
		case "responseSchema":
			o.Schema = fromOpenAPI(value)
		case "responseJsonSchema", "_responseJsonSchema":
			o.Schema = bytes.Clone(value)
		case "responseModalities":
			for _, m := range strs(value) {
				o.Modalities = append(o.Modalities, strings.ToLower(m))
			}
		case "thinkingConfig":
			var inner extra
			t, err := readThinking(value, &inner)
			d.try("generationConfig.thinkingConfig", err)
			chat.Thinking = t
			rest.nest("thinkingConfig", &inner)
		default:
			rest.add(name, value)
		}
	}))
	switch mime {
	case "application/json", "":
	case "text/plain":
		o.Kind = "text"
	default: // text/x.enum and whatever comes: only Gemini can say it
		rest.add([]byte("responseMimeType"), rawjson.AppendQuote(nil, mime))
		chat.Vital = append(chat.Vital, "generationConfig")
	}
	switch {
	case o.Schema != nil:
		strict := true // always
		o.Kind, o.Strict = "schema", &strict
	case mime == "application/json":
		o.Kind = "json"
	}
}
