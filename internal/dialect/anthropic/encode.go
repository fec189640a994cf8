package anthropic

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// EncodeRequest writes the request anew: model, system and tools first, messages last, so that what repeats from turn to turn
// is a common prefix for the provider's cache.
func (Codec) EncodeRequest(chat *llm.Chat, to llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{chat: chat, to: to, issuer: to.Issuer}
	if e.quirks = to.Quirks; e.quirks == nil {
		e.quirks = new(llm.Quirks)
	}
	model := to.Model
	if model == "" {
		model = chat.Model
	}
	e.traits = traitsOf(model)
	turns := e.turns()
	plan := e.plan(turns)

	w := &e.w
	w.Open('{')
	if model != "" { // Vertex AI and Bedrock have it in the address
		w.Member("model", model)
	}
	e.system()
	e.tools()
	w.Name("max_tokens").Int(plan.maxTokens)
	e.sampling(plan)
	e.thinking(plan)
	e.metadata()
	e.rest()
	if chat.Stream {
		w.Name("stream").Bool(true)
	}
	e.messages(turns)
	w.Close('}')
	return w.B, e.losses, nil
}

// encoder writes one request.
type encoder struct {
	chat   *llm.Chat
	to     llm.Target
	issuer string
	quirks *llm.Quirks
	traits traits
	strict int // tools that are held to their schemas,
	unions int // and their parameters of several types
	w      writer
	losses []llm.Loss
}

func (e *encoder) lose(path, why string) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why})
}

func (e *encoder) refuse(path, why string) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why, Grave: true})
}

// ours is a member of our own that the decoder kept at the top level.
func (e *encoder) ours(name string) []byte { return rawjson.Get(e.chat.Ext[own], name) }

// dropped tells, and reports, that the provider refuses a member.
func (e *encoder) dropped(name string) bool {
	if slices.Contains(e.quirks.Drops, name) {
		e.lose(name, "the provider does not take it")
		return true
	}
	return false
}

func (e *encoder) system() {
	var items []item
	for i, p := range e.chat.System {
		at := item{part: p, path: func() string { return "system." + strconv.Itoa(i) }}
		if _, isText := p.(llm.Text); !isText && !isOwn(p) {
			e.refuse(at.path(), "a system prompt holds text only")
			continue
		}
		if e.sendable(&at, llm.RoleSystem) {
			items = append(items, at)
		}
	}
	if len(items) > 0 {
		e.content("system", items)
	}
}

func isOwn(p llm.Part) bool {
	o, ok := p.(llm.Opaque)
	return ok && o.From == own
}

// tools writes the tools and how they may be used.
func (e *encoder) tools() {
	c := e.chat.Choice
	var names []string
	n := len(e.w.B)
	e.w.Name("tools").Open('[')
	for i := range e.chat.Tools {
		t := &e.chat.Tools[i]
		// A tool that is not offered cannot be called: that is how a choice among some is said here.
		own := t.Kind == "" || t.Kind == "custom" // to the caller
		if own && len(c.Allowed) > 0 && !slices.Contains(c.Allowed, t.Name) {
			continue
		}
		if e.tool(t, "tools."+strconv.Itoa(i)) {
			names = append(names, t.Name)
		}
	}
	e.w.Close(']')
	if len(names) == 0 {
		e.w.B = e.w.B[:n]
	}
	e.choice(c, names)
}

// tool writes one tool and tells whether it could.
func (e *encoder) tool(t *llm.Tool, path string) bool {
	e.losses = t.Ext.Losses(e.losses, own, path)
	switch {
	case t.Kind == "custom":
		e.refuse(path, "tool "+t.Name+": tools with free-text input are unknown here")
		return false
	case t.Kind != "" && t.From != own:
		e.refuse(path, "tool "+t.Name+": "+t.Kind+" is run by its provider only")
		return false
	case t.Kind != "":
		e.w.Raw(t.Raw)
		return true
	case !validName(t.Name):
		e.refuse(path+".name", "tool names are 1 to 128 letters, digits, _ or -")
		return false
	}
	strict := t.Strict
	schema := e.inputSchema(t.Schema, path+".parameters")
	if strict != nil && *strict {
		if why := e.lax(schema); why != "" {
			e.lose(path+".strict", why)
			strict = nil
		}
	}
	if strict != nil && *strict {
		schema = e.compile(schema, path+".parameters")
	}
	w := &e.w
	w.Open('{')
	w.Member("name", t.Name)
	if t.Description != "" {
		w.Member("description", t.Description)
	}
	w.Name("input_schema").Raw(schema)
	if strict != nil {
		w.Name("strict").Bool(*strict)
	}
	e.mark(t.Mark)
	w.ext(t.Ext, nil)
	w.Close('}')
	return true
}

// validName follows the vendor's ^[a-zA-Z0-9_-]{1,128}$ (tool use page, 2026-11).
func validName(s string) bool { return len(s) <= 128 && s != "" && cleanID(s) == s }

// inputSchema is a schema whose type is said: the vendor refuses any other ("input_schema.type: Field required", recorded),
// where others take a function without parameters.
func (e *encoder) inputSchema(schema []byte, path string) []byte {
	if rawjson.IsNull(schema) || schema[0] != '{' {
		return []byte(`{"type":"object","properties":{}}`)
	}
	if flat, was := flatten(schema); was != "" {
		e.lose(path, "described, and its properties merged: "+was+" at the top")
		schema = flat
	}
	if !rawjson.IsNull(rawjson.Get(schema, "type")) {
		return schema
	}
	out, err := rawjson.Patch(schema, rawjson.Edit{Name: "type", Value: []byte(`"object"`)})
	if err != nil {
		return schema
	}
	return out
}

func (e *encoder) choice(c llm.ToolChoice, names []string) {
	if raw := e.ours("tool_choice"); raw != nil {
		e.w.Name("tool_choice").Raw(raw)
		return
	}
	forced := c.Mode == llm.ToolAny || c.Mode == llm.ToolThis
	switch {
	case len(names) == 0:
		if forced {
			e.refuse("tool_choice", "a call is required, but no tool is left to call")
		}
		return
	case c.Mode == llm.ToolThis && !slices.Contains(names, c.Name):
		e.refuse("tool_choice", "tool "+c.Name+" is not among the tools")
		return
	case forced && !e.traits.force:
		e.refuse("tool_choice", "the model cannot be made to call a tool")
		return
	case c.Mode == "" && c.Parallel == nil:
		return
	}
	mode := c.Mode
	if mode == "" {
		mode = llm.ToolAuto
	}
	e.w.Name("tool_choice").Open('{')
	e.w.Member("type", string(mode))
	if mode == llm.ToolThis {
		e.w.Member("name", c.Name)
	}
	if c.Parallel != nil && mode != llm.ToolNone {
		e.w.Name("disable_parallel_tool_use").Bool(!*c.Parallel)
	}
	e.w.Close('}')
}

func (e *encoder) mark(m *llm.CacheMark) {
	if m == nil {
		return
	}
	e.w.Name("cache_control").Open('{')
	e.w.Member("type", "ephemeral")
	switch {
	case m.TTL == 0:
	case m.TTL.Minutes() > 5: // five minutes and an hour are the two there are
		e.w.Member("ttl", "1h")
	default:
		e.w.Member("ttl", "5m")
	}
	e.w.Close('}')
}

func (e *encoder) metadata() {
	extra := e.ours("metadata")
	if e.chat.User == "" && extra == nil || e.dropped("metadata") {
		return
	}
	e.w.Name("metadata").Open('{')
	if e.chat.User != "" {
		e.w.Member("user_id", e.chat.User)
	}
	e.w.ext(llm.Ext{own: extra}, nil)
	e.w.Close('}')
}

// rest writes what is left of our own, and reports what has no word here.
func (e *encoder) rest() {
	c := e.chat
	switch c.Tier {
	case "":
	case "auto", "standard_only":
		if !e.dropped("service_tier") {
			e.w.Member("service_tier", c.Tier)
		}
	case "default": // OpenAI's word for no priority
		if !e.dropped("service_tier") {
			e.w.Member("service_tier", "standard_only")
		}
	default:
		e.lose("service_tier", "tier "+c.Tier+" is unknown here")
	}
	e.w.ext(c.Ext, func(name string) bool {
		switch name {
		case "metadata", "thinking", "output_config", "tool_choice", "messages", "model", "stream", "max_tokens":
			return true
		}
		return e.dropped(name)
	})
	e.losses = c.Losses(e.losses, own)
	if o := c.Output; o.Verbosity != "" {
		e.lose("verbosity", "no counterpart in "+string(own))
	}
	for _, m := range c.Output.Modalities {
		if !strings.EqualFold(m, "text") {
			e.refuse("modalities", "only text is generated here, not "+m)
		}
	}
}

// content writes parts as a string where that says it all, else as blocks.
func (e *encoder) content(name string, items []item) {
	if len(items) == 1 {
		if t, ok := items[0].part.(llm.Text); ok && t.Mark == nil && len(t.Ext[own]) == 0 && len(ownCites(t.Cites)) == 0 {
			e.w.Member(name, t.Text)
			return
		}
	}
	e.w.Name(name).Open('[')
	for i := range items {
		e.block(&items[i])
	}
	e.w.Close(']')
}

func (e *encoder) messages(turns []turn) {
	e.w.Name("messages").Open('[')
	for i := range turns {
		t := &turns[i]
		e.w.Open('{')
		e.w.Member("role", string(t.role))
		e.content("content", t.items)
		e.w.ext(t.ext, nil)
		e.w.Close('}')
	}
	e.w.Close(']')
}

// block writes one part that sendable let through.
func (e *encoder) block(it *item) {
	w := &e.w
	switch p := it.part.(type) {
	case llm.Opaque:
		w.Raw(p.Raw)
		return
	case llm.Media:
		e.media(p)
		return
	case llm.Text:
		w.Open('{')
		w.Member("type", "text")
		w.Member("text", p.Text)
		writeCites(w, ownCites(p.Cites))
		e.mark(p.Mark)
		w.ext(p.Ext, nil)
	case llm.Thought:
		w.Open('{')
		if p.Redacted {
			w.Member("type", "redacted_thinking")
			w.Member("data", p.Seal.Data)
		} else {
			w.Member("type", "thinking")
			w.Member("thinking", p.Text)
			w.Member("signature", p.Seal.Data)
		}
		w.ext(p.Ext, nil)
	case llm.Call:
		w.Open('{')
		w.Member("type", "tool_use")
		w.Member("id", p.ID)
		w.Member("name", p.Name)
		w.Name("input").Raw(input(p))
		e.mark(p.Mark)
		w.ext(p.Ext, nil)
	case llm.Result:
		w.Open('{')
		w.Member("type", "tool_result")
		w.Member("tool_use_id", p.CallID)
		if len(it.inner) > 0 {
			e.content("content", it.inner)
		}
		if p.Failed {
			w.Name("is_error").Bool(true)
		}
		e.mark(p.Mark)
		w.ext(p.Ext, nil)
	}
	w.Close('}')
}

// input is the arguments as the object that this dialect wants. The reader of a call that went wrong must still see what the
// model wrote, so other text becomes the one member of an object.
func input(p llm.Call) []byte {
	args := []byte(p.Args)
	switch {
	case noArgs(p):
		return []byte("{}")
	case isObject(p):
		return args
	case p.Custom:
		args = append([]byte(`{"input":`), rawjson.AppendQuote(nil, p.Args)...)
	default:
		args = append([]byte(`{"arguments":`), rawjson.AppendQuote(nil, p.Args)...)
	}
	return append(args, '}')
}

// noArgs tells whether a call has no arguments; some models say null.
func noArgs(p llm.Call) bool {
	s := strings.TrimSpace(p.Args)
	return !p.Custom && (s == "" || s == "null")
}

func isObject(p llm.Call) bool {
	s := strings.TrimLeft(p.Args, " \t\r\n")
	return !p.Custom && strings.HasPrefix(s, "{") && rawjson.Check([]byte(s)) == nil
}

func (e *encoder) media(p llm.Media) {
	w := &e.w
	image := strings.HasPrefix(p.Type, "image/")
	w.Open('{')
	if image {
		w.Member("type", "image")
	} else {
		w.Member("type", "document")
	}
	w.Name("source").Open('{')
	switch {
	case p.FileID != "":
		w.Member("type", "file")
		w.Member("file_id", p.FileID)
	case len(p.Data) == 0:
		w.Member("type", "url")
		w.Member("url", p.URL)
	case isPlain(p):
		w.Member("type", "text")
		w.Member("media_type", "text/plain")
		w.Member("data", string(p.Data))
	default:
		w.Member("type", "base64")
		w.Member("media_type", p.Type)
		w.Name("data")
		w.B = appendBase64(w.B, p.Data)
	}
	w.Close('}')
	if p.Name != "" && !image {
		w.Member("title", p.Name)
	}
	e.mark(p.Mark)
	w.ext(p.Ext, nil)
	w.Close('}')
}

// isPlain tells whether a document is text, which this dialect takes under one type only.
func isPlain(p llm.Media) bool {
	kind, _, _ := strings.Cut(p.Type, ";")
	return (strings.HasPrefix(kind, "text/") || kind == "application/json") && utf8.Valid(p.Data)
}
