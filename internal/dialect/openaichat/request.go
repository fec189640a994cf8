package openaichat

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// DecodeRequest reads a request that Head accepted.
func (Codec) DecodeRequest(body []byte) (*llm.Chat, error) {
	d := request{chat: &llm.Chat{}}
	if err := rawjson.Object(body, func(name, value []byte) bool {
		if !rawjson.IsNull(value) {
			d.member(name, value)
		}
		return d.err == nil
	}); err != nil {
		return nil, invalidJSON(err)
	}
	if d.err != nil {
		return nil, d.err
	}
	d.chat.Ext = d.extra.ext()
	return d.chat, nil
}

// request reads one request; the first member that does not fit ends it.
type request struct {
	reader
	chat  *llm.Chat
	extra extra
}

func (d *request) member(name, value []byte) {
	c, s := d.chat, &d.chat.Sampling
	switch param := string(name); param {
	case "model":
		c.Model = d.str(param, value)
	case "messages":
		d.messages(value)
	case "stream":
		c.Stream = d.bool(param, value)
	case "stream_options":
		d.streamOptions(value)
	case "tools":
		d.tools(value)
	case "functions":
		d.functions(value)
	case "tool_choice", "function_call":
		d.toolChoice(param, value)
	case "parallel_tool_calls":
		c.Choice.Parallel = new(d.bool(param, value))
	case "temperature":
		s.Temperature = d.float(param, value)
	case "top_p":
		s.TopP = d.float(param, value)
	case "frequency_penalty":
		s.FrequencyPenalty = d.float(param, value)
	case "presence_penalty":
		s.PresencePenalty = d.float(param, value)
	case "top_k":
		s.TopK = d.int(param, value)
	case "max_completion_tokens":
		s.MaxTokens = d.int(param, value)
	case "max_tokens":
		if n := d.int(param, value); s.MaxTokens == nil {
			s.MaxTokens = n
		}
	case "seed":
		s.Seed = d.int(param, value)
	case "n":
		s.N = d.int(param, value)
	case "top_logprobs":
		s.TopLogprobs = d.int(param, value)
	case "logprobs":
		s.Logprobs = new(d.bool(param, value))
	case "stop":
		s.Stop = d.stop(value)
	case "user":
		c.User = d.str(param, value)
	case "service_tier":
		c.Tier = d.str(param, value)
	case "verbosity":
		c.Output.Verbosity = d.str(param, value)
	case "modalities":
		c.Output.Modalities = d.strings(param, value)
	case "response_format":
		d.responseFormat(value)
	case "reasoning_effort", "reasoning", "thinking", "include_reasoning":
		d.thinking(param, value)
	default:
		d.keep(name, value, vital[param])
	}
}

// vital are the members beyond the model's words that make the answer another one: what is searched, what it is to be grounded
// in, and what form it is held to (llama.cpp, vLLM, xAI, Azure, Alibaba, OpenRouter).
var vital = map[string]bool{
	"web_search_options": true, "search_parameters": true, "enable_search": true, "plugins": true, "data_sources": true, "documents": true,
	"grammar": true, "json_schema": true, "structured_outputs": true,
	"guided_json": true, "guided_regex": true, "guided_choice": true, "guided_grammar": true,
}

// keep puts a member aside for this dialect.
func (d *request) keep(name, value []byte, vital bool) {
	d.extra.add(name, value)
	if vital {
		d.chat.Vital = append(d.chat.Vital, string(name))
	}
}

func (d *request) stop(value []byte) []string {
	if value[0] == '"' {
		return []string{d.str("stop", value)}
	}
	return d.strings("stop", value)
}

// streamOptions: anything beyond the request for usage is kept as it is, and written back with it.
func (d *request) streamOptions(value []byte) {
	others := false
	_ = rawjson.Object(value, func(name, v []byte) bool {
		if string(name) == "include_usage" {
			d.chat.Usage = isTrue(v)
		} else {
			others = true
		}
		return true
	})
	if others {
		d.extra.add([]byte("stream_options"), value)
	}
}

// responseFormat keeps a format that has more to it than the model can hold, whole, beside what could be read of it.
func (d *request) responseFormat(value []byte) {
	out, whole := &d.chat.Output, true
	var schema []byte
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			switch kind, _ := rawjson.String(v); kind {
			case "text":
				out.Kind = "text"
			case "json_object":
				out.Kind = "json"
			case "json_schema":
				out.Kind = "schema"
			default:
				whole = false
			}
		case "json_schema":
			schema = v
		default:
			whole = whole && rawjson.IsNull(v)
		}
		return true
	})
	if err != nil {
		d.fail(wrongType("response_format", "an object"))
		return
	}
	if schema != nil {
		_ = rawjson.Object(schema, func(name, v []byte) bool {
			if rawjson.IsNull(v) {
				return true
			}
			switch string(name) {
			case "name":
				out.Name = d.str("response_format.json_schema.name", v)
			case "description":
				out.Description = d.str("response_format.json_schema.description", v)
			case "schema":
				out.Schema = jsontext.Value(v)
			case "strict":
				out.Strict = new(d.bool("response_format.json_schema.strict", v))
			default:
				whole = false
			}
			return true
		})
	}
	if !whole {
		d.keep([]byte("response_format"), value, out.Kind == "")
	}
}

// thinking reads the ways in which chat requests ask for reasoning: OpenAI's reasoning_effort, OpenRouter's reasoning object
// and the thinking object of DeepSeek, Z.ai and those that follow Anthropic. Whatever it cannot hold is kept whole.
func (d *request) thinking(param string, value []byte) {
	t := &d.chat.Thinking
	effort := func(word string) {
		if word == "none" {
			t.Off = true
		} else {
			t.Effort, t.Auto = word, false
		}
	}
	switch {
	case param == "reasoning_effort":
		effort(d.str(param, value))
		return
	case param == "include_reasoning":
		t.Display = show(isTrue(value))
		return
	case value[0] != '{':
		d.extra.add([]byte(param), value)
		return
	}
	whole := true
	_ = rawjson.Object(value, func(name, v []byte) bool {
		if rawjson.IsNull(v) {
			return true
		}
		switch word, _ := rawjson.String(v); string(name) {
		case "effort":
			effort(word)
		case "max_tokens", "budget_tokens":
			t.Budget = d.int(param+"."+string(name), v)
		case "exclude":
			t.Display = show(!isTrue(v))
		case "enabled":
			t.Off, t.Auto = v[0] == 'f', isTrue(v)
		case "type":
			t.Off, t.Auto = word == "disabled", word == "enabled" || word == "adaptive" || word == "auto"
		default:
			whole = false
		}
		return true
	})
	if t.Budget != nil || t.Effort != "" {
		t.Auto = false
	}
	if !whole {
		d.extra.add([]byte(param), value)
	}
}

func show(yes bool) string {
	if yes {
		return "show"
	}
	return "hide"
}
