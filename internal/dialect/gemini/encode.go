package gemini

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// encoder writes one request.
type encoder struct {
	w      rawjson.Writer
	to     llm.Target
	issuer string
	losses []llm.Loss
	names  map[string]string // of the called tools, by call id
	named  []string          // the functions that were declared
}

func (e *encoder) lose(path, why string, grave bool) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why, Grave: grave})
}

// EncodeRequest writes a GenerateContentRequest: what stays the same over a conversation first, contents last.
func (Codec) EncodeRequest(chat *llm.Chat, to llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{to: to, issuer: to.Issuer, names: map[string]string{}}
	if e.to.Model == "" {
		e.to.Model = chat.Model
	}
	if e.issuer == "" {
		e.issuer = issuer
	}
	own := chat.Ext[llm.Gemini]
	e.losses = chat.Losses(e.losses, llm.Gemini)
	turns := e.turns(chat)
	w := &e.w
	w.Open('{')
	e.system(chat.System)
	e.tools(chat.Tools)
	e.toolConfig(chat.Choice, rawjson.Get(own, "toolConfig"))
	e.config(chat, rawjson.Get(own, "generationConfig"))
	w.Rest(own, "toolConfig", "generationConfig")
	e.contents(turns)
	w.Close('}')
	if chat.User != "" {
		e.lose("user", "Gemini has no name for end users", false)
	}
	if chat.Tier != "" {
		e.lose("service_tier", "tiers are the provider's own", false)
	}
	return w.B, e.losses, nil
}

func (e *encoder) system(parts []llm.Part) {
	pw := e.parts()
	open := false
	for i, p := range parts {
		t, ok := p.(llm.Text)
		if !ok {
			e.lose(fmt.Sprintf("system.%d", i), "Gemini's system instruction is text", true)
			continue
		}
		if t.Text == "" {
			continue
		}
		if !open {
			open = true
			e.w.Name("systemInstruction")
			e.w.Open('{')
			e.w.Name("parts")
			e.w.Open('[')
		}
		pw.part(t, fmt.Sprintf("system.%d", i))
	}
	if open {
		e.w.Close(']')
		e.w.Close('}')
	}
}

// parts is how parts are written in a request: with the target's own seals, or none.
func (e *encoder) parts() *partWriter {
	return &partWriter{w: &e.w, lose: e.lose, request: true, seal: func(s *llm.Seal) string {
		if s != nil && s.Issuer == e.issuer {
			return s.Data
		}
		return ""
	}}
}

func (e *encoder) tools(tools []llm.Tool) {
	w := &e.w
	open, group := false, false
	enter := func(function bool) {
		if !open {
			open = true
			w.Name("tools")
			w.Open('[')
		}
		if group && !function {
			group = false
			w.Close(']')
			w.Close('}')
		}
		if function && !group {
			group = true
			w.Open('{')
			w.Name(functions)
			w.Open('[')
		}
	}
	for i, t := range tools {
		path := fmt.Sprintf("tools.%d", i)
		switch {
		case t.Kind == "" && !validName(t.Name):
			e.lose(path+".name", "tool names are 1 to 64 letters, digits, _ . : or -, a letter or _ first", true)
		case t.Kind == "":
			enter(true)
			e.function(&t, path)
			e.named = append(e.named, t.Name)
		case t.From == llm.Gemini && t.Raw != nil:
			enter(false)
			w.Raw(t.Raw)
		default:
			e.lose(path, fmt.Sprintf("Gemini cannot run the tool %q of type %q", t.Name, t.Kind), true)
		}
	}
	if open {
		enter(false)
		w.Close(']')
	}
}

// validName follows "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9),
// underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64" (google-gemini/gemini-cli issue 9535).
func validName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789.:-", r)) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func (e *encoder) function(t *llm.Tool, path string) {
	w := &e.w
	w.Open('{')
	w.Some("name", t.Name)
	w.Some("description", t.Description)
	if t.Schema != nil {
		schema, lost := compile(t.Schema)
		if lost != nil {
			e.lose(path+".parameters", unenforced(lost), false)
		}
		w.Name("parametersJsonSchema")
		w.Raw(schema)
	}
	w.Rest(t.Ext[llm.Gemini])
	w.Close('}')
	e.losses = t.Ext.Losses(e.losses, llm.Gemini, path)
	if t.Strict != nil && *t.Strict {
		e.lose(path+".strict", "no counterpart in Gemini", false)
	}
	if t.Mark != nil {
		e.lose(path+".cache_control", noMarks, false)
	}
}

const noMarks = "Gemini caches by itself or by cachedContent"

func (e *encoder) toolConfig(c llm.ToolChoice, rest []byte) {
	if c.Parallel != nil && !*c.Parallel {
		e.lose("parallel_tool_calls", "Gemini decides how many tools it calls at once", false)
	}
	if lost := e.unchoosable(c); lost != "" {
		e.lose("tool_choice", lost, true)
		c = llm.ToolChoice{}
	}
	calling := rawjson.Get(rest, "functionCallingConfig")
	mode, allowed := map[llm.ToolMode]string{llm.ToolAuto: "AUTO", llm.ToolAny: "ANY", llm.ToolNone: "NONE", llm.ToolThis: "ANY"}[c.Mode], c.Allowed
	if c.Mode == llm.ToolThis {
		allowed = []string{c.Name}
	}
	// Names may be restricted in the modes ANY and VALIDATED only; VALIDATED leaves the choice to the model as AUTO does.
	if len(allowed) > 0 && mode != "ANY" && mode != "NONE" {
		mode = "VALIDATED"
	}
	if m := text(rawjson.Get(calling, "mode")); m != "" && c.Mode == llm.ToolAuto {
		mode = m
	}
	if mode == "" && rest == nil {
		return
	}
	w := &e.w
	w.Name("toolConfig")
	w.Open('{')
	if mode != "" || calling != nil {
		w.Name("functionCallingConfig")
		w.Open('{')
		w.Some("mode", mode)
		if len(allowed) > 0 && mode != "NONE" {
			w.Name("allowedFunctionNames")
			writeStrings(w, allowed)
		}
		w.Rest(calling, "mode")
		w.Close('}')
	}
	w.Rest(rest, "functionCallingConfig")
	w.Close('}')
}

// unchoosable says why a forced call cannot be asked for; "" when it can.
func (e *encoder) unchoosable(c llm.ToolChoice) string {
	switch {
	case c.Mode == llm.ToolThis && !slices.Contains(e.named, c.Name):
		return "tool " + c.Name + " is not among the functions"
	case c.Mode == llm.ToolAny && len(e.named) == 0:
		return "a call is required, but no function is left to call"
	}
	return ""
}

func writeStrings(w *rawjson.Writer, all []string) {
	w.Open('[')
	for _, s := range all {
		w.String(s)
	}
	w.Close(']')
}

// config writes the generationConfig.
func (e *encoder) config(chat *llm.Chat, rest []byte) {
	w := &e.w
	from := len(w.B)
	w.Name("generationConfig")
	w.Open('{')
	empty := len(w.B)
	s := &chat.Sampling
	e.float("temperature", s.Temperature)
	e.float("topP", s.TopP)
	e.int("topK", s.TopK)
	e.int("candidateCount", s.N)
	e.int("maxOutputTokens", s.MaxTokens)
	if len(s.Stop) > 0 {
		w.Name("stopSequences")
		writeStrings(w, s.Stop)
	}
	e.float("presencePenalty", s.PresencePenalty)
	e.float("frequencyPenalty", s.FrequencyPenalty)
	e.int("seed", s.Seed)
	if s.Logprobs != nil {
		w.Name("responseLogprobs")
		w.Bool(*s.Logprobs)
	}
	e.int("logprobs", s.TopLogprobs)
	e.output(&chat.Output, rawjson.Get(rest, "responseMimeType") != nil)
	e.thinking(chat.Thinking, rawjson.Get(rest, "thinkingConfig"))
	w.Rest(rest, "thinkingConfig")
	if len(w.B) == empty {
		w.B = w.B[:from]
		return
	}
	w.Close('}')
}

func (e *encoder) float(name string, f *float64) {
	if f != nil {
		e.w.Name(name)
		e.w.Float(*f)
	}
}

func (e *encoder) int(name string, n *int64) {
	if n != nil {
		e.w.Name(name)
		e.w.Int(*n)
	}
}

func (e *encoder) output(o *llm.Output, ownMime bool) {
	w := &e.w
	mime := map[string]string{"text": "text/plain", "json": "application/json", "schema": "application/json"}[o.Kind]
	if !ownMime {
		w.Some("responseMimeType", mime)
	}
	if o.Kind == "schema" && o.Schema != nil {
		schema, lost := compile(o.Schema)
		if lost != nil {
			e.lose("response_format.schema", unenforced(lost), false)
		}
		w.Name("responseJsonSchema")
		w.Raw(schema)
	}
	if len(o.Modalities) > 0 {
		w.Name("responseModalities")
		upper := make([]string, len(o.Modalities))
		for i, m := range o.Modalities {
			upper[i] = strings.ToUpper(m)
		}
		writeStrings(w, upper)
	}
	if o.Description != "" {
		e.lose("response_format.description", "no counterpart in Gemini", false)
	}
	if o.Verbosity != "" {
		e.lose("verbosity", "no counterpart in Gemini", false)
	}
}

// turn is one Content: several messages of the same role become one, since function responses must all be in the turn after
// their calls.
type turn struct {
	role    string
	results []item // go first
	parts   []item
	ext     jsontext.Value
}

type item struct {
	part llm.Part
	path string
}

// turns sorts the messages into turns of what the target can take.
func (e *encoder) turns(chat *llm.Chat) []turn {
	turns := make([]turn, 0, len(chat.Messages))
	for i, m := range chat.Messages {
		turns = append(turns, e.turn(&m, fmt.Sprintf("messages.%d", i)))
	}
	turns = join(turns)
	for n := 0; n != len(turns); turns = join(turns) { // a turn whose results were all taken away leaves two of the model's
		n = len(turns)
		e.answer(turns)
	}
	if len(turns) == 0 || turns[0].role != "user" {
		// Google wants the user to begin.
		e.lose("messages", "Gemini's conversations begin with the user; an empty turn was put in front", false)
		turns = slices.Insert(turns, 0, turn{role: "user", parts: []item{{part: llm.Text{Text: " "}, path: "messages"}}})
	}
	return turns
}

// join makes one turn of neighbours of one role, and leaves out what is empty.
func join(turns []turn) []turn {
	out := turns[:0]
	for _, t := range turns {
		n := len(out)
		switch {
		case len(t.parts)+len(t.results) == 0:
		case n == 0 || out[n-1].role != t.role:
			out = append(out, t)
		default:
			last := &out[n-1]
			last.results, last.parts = append(last.results, t.results...), append(last.parts, t.parts...)
			if last.ext == nil {
				last.ext = t.ext
			}
		}
	}
	return out
}

func (e *encoder) turn(m *llm.Message, path string) turn {
	t := turn{role: "user", ext: m.Ext[llm.Gemini]}
	switch m.Role {
	case llm.RoleUser:
	case llm.RoleAssistant:
		t.role = "model"
	case llm.RoleSystem:
		e.lose(path+".role", "Gemini has no system messages within a conversation; sent as the user's", false)
	}
	if m.Name != "" {
		e.lose(path+".name", "Gemini has no names of participants", false)
	}
	e.losses = m.Ext.Losses(e.losses, llm.Gemini, path)
	for k, p := range m.Parts {
		it := item{p, fmt.Sprintf("%s.content.%d", path, k)}
		switch p := p.(type) {
		case llm.Result:
			it.part = e.result(p, it.path, &t)
			t.results = append(t.results, it)
			continue
		case llm.Call:
			e.names[p.ID] = p.Name
		case llm.Text:
			if p.Text == "" && (p.Seal == nil || p.Seal.Issuer != e.issuer) {
				e.parts().sealed(p.Seal, it.path)
				continue
			}
		case llm.Thought:
			if !e.keeps(p, it.path) {
				continue
			}
		case llm.Media:
			if !e.carries(p, it.path) {
				continue
			}
		case llm.Opaque:
			if p.From != llm.Gemini {
				e.lose(it.path, fmt.Sprintf("Gemini cannot take a part of type %q", p.Kind), true)
				continue
			}
		}
		t.parts = append(t.parts, it)
	}
	return t
}

// keeps tells whether a thought goes along: with the target's own seal, or without any. A summary without a seal is allowed by
// Google (its own SDK replays it).
func (e *encoder) keeps(t llm.Thought, path string) bool {
	if t.Seal != nil && t.Seal.Issuer != e.issuer {
		e.lose(path, "the thought is sealed by "+t.Seal.Issuer, false)
		return false
	}
	if t.Redacted && t.Seal == nil {
		e.lose(path, "the thought has neither text nor seal", false)
		return false
	}
	return t.Text != "" || t.Seal != nil
}

// carries tells whether a medium can be sent: by value, by address, or by an id of Google's.
func (e *encoder) carries(m llm.Media, path string) bool {
	if m.FileID != "" && !strings.HasPrefix(m.FileID, "files/") && !strings.HasPrefix(m.FileID, filesAPI) {
		e.lose(path, "the file is at another provider", true)
		return false
	}
	if len(m.Data) == 0 && m.URL == "" && m.FileID == "" {
		e.lose(path, "the medium has neither data nor an address", true)
		return false
	}
	return true
}

// result readies a tool's result. Media inside of results came with Gemini 3 (FunctionResponse.parts); for earlier models they
// go beside it, into the same turn.
func (e *encoder) result(r llm.Result, path string, t *turn) llm.Result {
	if r.Name == "" {
		r.Name = e.names[r.CallID]
	}
	if r.Name == "" {
		r.Name = r.CallID // required, and all we have
	}
	major, _ := version(e.to.Model)
	kept := make([]llm.Part, 0, len(r.Parts))
	for i, p := range r.Parts {
		at := fmt.Sprintf("%s.content.%d", path, i)
		switch p := p.(type) {
		case llm.Text:
			kept = append(kept, p)
		case llm.Media:
			switch {
			case !e.carries(p, at):
			case major >= 3:
				kept = append(kept, p)
			default:
				e.lose(at, "the model takes no media in a result; sent beside it", false)
				t.parts = append(t.parts, item{p, at})
			}
		default:
			e.lose(at, "Gemini's results are text and media", true)
		}
	}
	r.Parts = kept
	return r
}

func (e *encoder) contents(turns []turn) {
	w, pw := &e.w, e.parts()
	major, _ := version(e.to.Model)
	w.Name("contents")
	w.Open('[')
	for _, t := range turns {
		w.Open('{')
		w.Some("role", t.role)
		w.Name("parts")
		w.Open('[')
		for _, it := range t.results {
			pw.part(it.part, it.path)
		}
		pw.unsigned = major >= 3 && unsigned(t.parts, e.issuer)
		for _, it := range t.parts {
			pw.part(it.part, it.path)
		}
		w.Close(']')
		w.Rest(t.ext)
		w.Close('}')
	}
	w.Close(']')
}

// unsigned tells whether a turn has calls and none of them is signed.
func unsigned(parts []item, own string) bool {
	for _, it := range parts {
		if c, ok := it.part.(llm.Call); ok && c.Seal != nil && c.Seal.Issuer == own {
			return false
		}
	}
	return true
}
