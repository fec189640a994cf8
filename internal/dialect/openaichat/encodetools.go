package openaichat

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"tidegate/internal/llm"
)

func (e *encoder) tools() {
	e.optional("tools", len(e.chat.Tools) > 0, func() {
		before := len(e.B)
		e.Name("tools")
		e.Open('[')
		for i := range e.chat.Tools {
			if t := &e.chat.Tools[i]; e.tool(at("tools", i), t) {
				e.named = append(e.named, t.Name)
			}
		}
		if len(e.named) == 0 { // none could be said: an empty array would be refused
			e.B = e.B[:before]
			return
		}
		e.Close(']')
	})
}

// validName follows "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'", and the length
// in the API reference (2026-11). Others are not so strict.
func validName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// tool writes one tool and tells whether it could.
func (e *encoder) tool(path string, t *llm.Tool) bool {
	e.losses = t.Ext.Losses(e.losses, own, path)
	inner := "function"
	switch {
	case e.to.Issuer == "openai" && (t.Kind == "" || t.Kind == "custom") && !validName(t.Name):
		e.lose(true, path+".name", "tool names are 1 to 64 letters, digits, _ or -")
		return false
	case t.Kind == "custom":
		inner = "custom"
	case t.Kind != "" && t.From == own:
		e.Raw(t.Raw)
		return true
	case t.Kind != "":
		e.lose(true, path, "the tool "+t.Kind+" is run by another provider")
		return false
	}
	e.Open('{')
	e.Member("type", inner)
	e.Name(inner)
	e.Open('{')
	e.Member("name", t.Name)
	e.Some("description", t.Description)
	if t.Schema != nil {
		e.Name("parameters").Raw(t.Schema)
	}
	if t.Strict != nil {
		e.Name("strict").Bool(e.strict(*t.Strict, t.Schema, path))
	}
	e.ext(memberOf(t.Ext, inner))
	e.Close('}')
	e.mark(path, t.Mark)
	e.ext(t.Ext, inner)
	e.Close('}')
	return true
}

// mark writes a cache mark where the provider takes Anthropic's.
func (e *encoder) mark(path string, m *llm.CacheMark) {
	if m == nil {
		return
	}
	if !e.takes("cache_control") {
		e.lose(false, path+".cache_control", "no counterpart in "+string(own))
		return
	}
	e.Name("cache_control")
	e.Open('{')
	e.Member("type", "ephemeral")
	switch m.TTL {
	case 0:
	case time.Hour:
		e.Member("ttl", "1h")
	default:
		e.Member("ttl", "5m")
	}
	e.Close('}')
}

// choice says how tools may be used. When none is left of those that were asked for, it may not be said.
func (e *encoder) choice() {
	c := &e.chat.Choice
	forced := c.Mode == llm.ToolAny || c.Mode == llm.ToolThis
	switch {
	case len(e.named) == 0 && len(e.chat.Tools) > 0:
		if forced {
			e.lose(true, "tool_choice", "a call is required, but no tool is left to call")
		}
		return
	case c.Mode == llm.ToolThis && len(e.named) > 0 && !slices.Contains(e.named, c.Name):
		e.lose(true, "tool_choice", "tool "+c.Name+" is not among the tools")
		return
	}
	e.optional("tool_choice", c.Mode != "" || len(c.Allowed) > 0, func() {
		e.Name("tool_choice")
		switch {
		case len(c.Allowed) > 0:
			e.allowed(c)
		case c.Mode == llm.ToolThis:
			e.function(c.Name)
		default:
			e.String(e.mode(c.Mode))
		}
	})
	e.optional("parallel_tool_calls", c.Parallel != nil, func() { e.Name("parallel_tool_calls").Bool(*c.Parallel) })
}

func (e *encoder) mode(m llm.ToolMode) string {
	switch m {
	case llm.ToolNone:
		return "none"
	case llm.ToolAny:
		if e.q.ToolAny != "" {
			return e.q.ToolAny
		}
		return "required"
	case llm.ToolAuto, llm.ToolThis: // the latter is written by name
	}
	return "auto"
}

// function writes a tool by name, with the kind under which it was declared.
func (e *encoder) function(name string) {
	kind := "function"
	if slices.ContainsFunc(e.chat.Tools, func(t llm.Tool) bool { return t.Name == name && t.Kind == "custom" }) {
		kind = "custom"
	}
	e.Open('{')
	e.Member("type", kind)
	e.Name(kind)
	e.Open('{')
	e.Member("name", name)
	e.Close('}')
	e.Close('}')
}

func (e *encoder) allowed(c *llm.ToolChoice) {
	mode := "auto"
	if c.Mode == llm.ToolAny {
		mode = "required"
	}
	e.Open('{')
	e.Member("type", "allowed_tools")
	e.Name("allowed_tools")
	e.Open('{')
	e.Member("mode", mode)
	e.Name("tools")
	e.Open('[')
	for _, name := range c.Allowed {
		if slices.Contains(e.named, name) {
			e.function(name)
		}
	}
	e.Close(']')
	e.Close('}')
	e.Close('}')
}
