package anthropic

import (
	"errors"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// DecodeRequest reads a request that Head accepted.
func (Codec) DecodeRequest(body []byte) (*llm.Chat, error) {
	d := decoder{}
	chat := new(llm.Chat)
	var x extras
	err := members(body, func(name, v []byte) error { return d.top(chat, &x, name, v) })
	if err != nil {
		return nil, badRequest(err)
	}
	d.thinking(chat, &x)
	chat.Ext = x.ext()
	return chat, nil
}

// badRequest makes a fault in a request the client's error.
func badRequest(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return invalid(f.path, "invalid_request", f.Error())
	}
	return invalid("", "invalid_json", "the request is not a JSON object: "+err.Error())
}

// decoder reads the objects that requests and replies share.
type decoder struct {
	issuer  string // of signatures in a reply; "" in a request, where a signature may carry our mark
	reply   bool
	think   []byte // the thinking member, when the model has no word for it
	thought bool   // there was a thinking member
	output  extras // members of output_config
}

// seal reads a signature or the data of a redacted thought; nil when it is empty.
func (d *decoder) seal(text string) *llm.Seal {
	switch {
	case text == "":
		return nil
	case d.reply:
		return &llm.Seal{Issuer: d.issuer, Data: text}
	}
	return llm.Unwrap(text, issuer)
}

func (d *decoder) top(chat *llm.Chat, x *extras, name, v []byte) (err error) {
	if rawjson.IsNull(v) {
		return nil // the vendor's own optional members may be null
	}
	s := &chat.Sampling
	switch string(name) {
	case "model":
		return text(v, &chat.Model)
	case "stream":
		return boolean(v, &chat.Stream)
	case "system":
		chat.System, err = d.content(v)
	case "messages":
		return elements(v, func(_ int, v []byte) error {
			m, err := d.message(v)
			chat.Messages = append(chat.Messages, m)
			return err
		})
	case "tools":
		return elements(v, func(_ int, v []byte) error {
			t, err := d.tool(v)
			chat.Tools = append(chat.Tools, t)
			return err
		})
	case "tool_choice":
		if !choice(v, &chat.Choice) {
			x.add(name, v)
			if chat.Choice.Mode == "" {
				chat.Vital = append(chat.Vital, "tool_choice")
			}
		}
	case "max_tokens":
		s.MaxTokens, err = integer(v)
	case "temperature":
		s.Temperature, err = number(v)
	case "top_p":
		s.TopP, err = number(v)
	case "top_k":
		s.TopK, err = integer(v)
	case "stop_sequences":
		return elements(v, func(_ int, v []byte) error {
			var stop string
			err := text(v, &stop)
			s.Stop = append(s.Stop, stop)
			return err
		})
	case "thinking":
		return d.thinkingConfig(v, &chat.Thinking)
	case "output_config":
		return d.outputConfig(v, chat)
	case "output_format": // the name during the beta of 2025, still taken
		if !format(v, &chat.Output) {
			x.add(name, v)
			chat.Vital = append(chat.Vital, "output_format")
		}
	case "metadata":
		var rest extras
		err = members(v, func(name, v []byte) error {
			if string(name) == "user_id" {
				return text(v, &chat.User)
			}
			rest.add(name, v)
			return nil
		})
		if rest.b != nil {
			x.add(name, append(rest.b, '}'))
		}
	case "service_tier":
		return text(v, &chat.Tier)
	case "mcp_servers", "container": // tools that the provider runs, and where
		x.add(name, v)
		chat.Vital = append(chat.Vital, string(name))
	default:
		x.add(name, v)
	}
	return err
}

// thinkingConfig reads a configuration that the model can say whole, and keeps any other as it is.
func (d *decoder) thinkingConfig(v []byte, t *llm.Thinking) error {
	d.thought = true
	var kind string
	known := true
	err := members(v, func(name, v []byte) (err error) {
		switch string(name) {
		case "type":
			return text(v, &kind)
		case "budget_tokens":
			t.Budget, err = integer(v)
			return err
		case "display":
			return text(v, &t.Display)
		}
		known = false
		return nil
	})
	switch kind {
	case "enabled":
		known = known && t.Budget != nil
	case "adaptive":
		t.Auto = true
	case "disabled":
		t.Off = true
	case "between_tools": // the least that some models do (Sonnet 5.5)
		t.Off, known = true, false
	default:
		known = false
	}
	if !known {
		d.think = v
	}
	return err
}

func (d *decoder) outputConfig(v []byte, chat *llm.Chat) error {
	return members(v, func(name, v []byte) error {
		switch {
		case rawjson.IsNull(v):
			return nil
		case string(name) == "effort":
			return text(v, &chat.Thinking.Effort)
		case string(name) == "format":
			if format(v, &chat.Output) {
				return nil
			}
			chat.Vital = append(chat.Vital, "output_config")
		}
		d.output.add(name, v)
		return nil
	})
}

// thinking keeps what only this dialect tells apart. Effort without a thinking configuration leaves thinking at the model's
// default; everywhere else effort asks for thinking. So the bare effort is kept for ourselves as well.
func (d *decoder) thinking(chat *llm.Chat, x *extras) {
	if d.think != nil {
		x.add([]byte("thinking"), d.think)
	}
	if chat.Thinking.Effort != "" && !d.thought {
		d.output.add([]byte("effort"), rawjson.AppendQuote(nil, chat.Thinking.Effort))
	}
	if d.output.b != nil {
		x.add([]byte("output_config"), append(d.output.b, '}'))
	}
}

// format reads a response format; false when it is not of a kind that the model knows.
func format(v []byte, o *llm.Output) bool {
	kind, _ := rawjson.String(rawjson.Get(v, "type"))
	schema := rawjson.Get(v, "schema")
	if kind != "json_schema" || rawjson.IsNull(schema) {
		return false
	}
	n := 0
	_ = rawjson.Object(v, func(_, _ []byte) bool { n++; return true })
	if n > 2 {
		return false
	}
	o.Kind, o.Schema, o.Strict = "schema", keep(schema), new(true) // always held to
	return true
}

func (d *decoder) message(v []byte) (m llm.Message, err error) {
	var x extras
	seen := false
	err = members(v, func(name, v []byte) (err error) {
		switch string(name) {
		case "role":
			var role string
			err = text(v, &role)
			m.Role = llm.Role(role)
		case "content":
			seen = true
			m.Parts, err = d.content(v)
		default:
			x.add(name, v)
		}
		return err
	})
	m.Ext = x.ext()
	switch {
	case err != nil:
		return m, err
	case m.Role != llm.RoleUser && m.Role != llm.RoleAssistant && m.Role != llm.RoleSystem:
		return m, &fault{"role", "not one of user, assistant, system"}
	case !seen:
		return m, &fault{"content", "required"}
	}
	return m, nil
}

// content reads a string or an array of blocks. Empty text is left out: no dialect takes it back.
func (d *decoder) content(v []byte) (parts []llm.Part, err error) {
	if len(v) > 0 && v[0] == '"' {
		var s string
		if err := text(v, &s); err != nil || s == "" {
			return nil, err
		}
		return []llm.Part{llm.Text{Text: s}}, nil
	}
	if len(v) == 0 || v[0] != '[' {
		return nil, errors.New("expected a string or an array of blocks")
	}
	err = elements(v, func(_ int, v []byte) error {
		p, err := d.block(v)
		if p != nil && err == nil {
			parts = append(parts, p)
		}
		return err
	})
	if !d.reply {
		parts = joinSeals(parts)
	}
	return parts, err
}

// joinSeals gives a seal that EncodeReply put in front of a part back to that part; see sealCarrier.
func joinSeals(parts []llm.Part) []llm.Part {
	out := parts[:0]
	for i, p := range parts {
		t, ok := p.(llm.Thought)
		if !ok || t.Text != "" || t.Redacted || t.Seal == nil || t.Seal.Issuer == issuer || i+1 == len(parts) {
			out = append(out, p)
			continue
		}
		switch next := parts[i+1].(type) {
		case llm.Call:
			next.Seal = t.Seal
			parts[i+1] = next
		case llm.Text:
			next.Seal = t.Seal
			parts[i+1] = next
		default:
			out = append(out, p)
		}
	}
	return out
}

func (d *decoder) tool(v []byte) (t llm.Tool, err error) {
	kind, _ := rawjson.String(rawjson.Get(v, "type"))
	if kind != "" && kind != "custom" {
		t.Kind, t.From, t.Raw = kind, own, keep(v)
		t.Name, _ = rawjson.String(rawjson.Get(v, "name"))
		return t, nil
	}
	var x extras
	err = members(v, func(name, v []byte) error {
		switch string(name) {
		case "type":
		case "name":
			return text(v, &t.Name)
		case "description":
			return text(v, &t.Description)
		case "input_schema":
			t.Schema = keep(v)
		case "strict":
			if rawjson.IsNull(v) {
				return nil
			}
			t.Strict = new(bool)
			return boolean(v, t.Strict)
		case "cache_control":
			t.Mark = markOr(v, name, &x)
		default:
			x.add(name, v)
		}
		return nil
	})
	t.Ext = x.ext()
	if err == nil && t.Name == "" {
		err = &fault{"name", "required"}
	}
	return t, err
}

// choice reads a tool choice; false when there is more to it than the model can say.
func choice(v []byte, c *llm.ToolChoice) (known bool) {
	var kind string
	known = true
	err := members(v, func(name, v []byte) error {
		switch string(name) {
		case "type":
			return text(v, &kind)
		case "name":
			return text(v, &c.Name)
		case "disable_parallel_tool_use":
			var off bool
			err := boolean(v, &off)
			on := !off
			c.Parallel = &on
			return err
		}
		known = false
		return nil
	})
	switch mode := llm.ToolMode(kind); mode {
	case llm.ToolAuto, llm.ToolNone, llm.ToolAny, llm.ToolThis:
		c.Mode = mode
		return known && err == nil
	}
	return false
}
