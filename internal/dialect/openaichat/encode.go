package openaichat

import (
	"slices"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// EncodeRequest writes the request. What stays the same over a conversation comes first, the messages last.
func (Codec) EncodeRequest(chat *llm.Chat, to llm.Target) ([]byte, []llm.Loss, error) {
	e := encoder{chat: chat, to: to, q: quirks(to), traits: traitsOf(to)}
	e.losses = chat.Losses(e.losses, own)
	e.Open('{')
	e.Member("model", to.Model)
	e.tools()
	e.choice()
	e.output()
	e.thinking()
	e.sampling()
	e.optional("user", chat.User != "", func() { e.Member("user", chat.User) })
	e.optional("service_tier", chat.Tier != "", func() { e.Member("service_tier", tierWord(chat.Tier)) })
	e.kept()
	e.stream()
	e.messages()
	e.Close('}')
	return e.B, e.losses, nil
}

// tierWord is a service tier in OpenAI's words: Anthropic's standard_only is no priority.
func tierWord(word string) string {
	if word == "standard_only" {
		return "default"
	}
	return word
}

// encoder writes one request.
type encoder struct {
	writer
	chat   *llm.Chat
	to     llm.Target
	q      *llm.Quirks
	traits traits
	word   string   // reasoning_effort as it was written
	named  []string // the tools that were
	losses []llm.Loss
}

func (e *encoder) lose(grave bool, path, why string) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why, Grave: grave})
}

func (e *encoder) takes(member string) bool { return slices.Contains(e.q.Takes, member) }

// graveDrops are the members whose absence the caller would notice.
var graveDrops = []string{"tools", "tool_choice", "response_format", "n", "logprobs", "modalities"}

// optional writes a top-level member that is there, unless the provider refuses it, or the request holds it whole already.
func (e *encoder) optional(name string, there bool, write func()) {
	switch {
	case !there || rawjson.Get(e.chat.Ext[own], name) != nil:
	case slices.Contains(e.q.Drops, name):
		e.lose(slices.Contains(graveDrops, name), name, "the provider does not take it")
	default:
		write()
	}
}

// kept writes the members that the model has no word for.
func (e *encoder) kept() {
	if e.chat.Ext[own] == nil {
		return
	}
	_ = rawjson.Object(e.chat.Ext[own], func(name, value []byte) bool {
		switch n := string(name); {
		case n == "stream_options":
		case slices.Contains(e.q.Drops, n):
			e.lose(slices.Contains(graveDrops, n), n, "the provider does not take it")
		default:
			e.Name(n).Raw(value)
		}
		return true
	})
}

// stream always asks for usage: the gateway counts it, and keeps it from a client that did not ask.
func (e *encoder) stream() {
	if !e.chat.Stream {
		return
	}
	e.Name("stream").Bool(true)
	if !e.q.NoStreamOptions {
		e.Name("stream_options").Raw(includeUsage(rawjson.Get(e.chat.Ext[own], "stream_options")))
	}
}

func (e *encoder) sampling() {
	s := &e.chat.Sampling
	floats := [...]struct {
		name string
		v    *float64
	}{
		{"temperature", s.Temperature}, {"top_p", s.TopP},
		{"frequency_penalty", s.FrequencyPenalty}, {"presence_penalty", s.PresencePenalty},
	}
	for i, m := range floats {
		if neutral := [...]float64{1, 1, 0, 0}[i]; m.v != nil && e.thinks() {
			if *m.v != neutral {
				e.lose(false, m.name, "a model that thinks does not take it")
			}
			continue
		}
		e.optional(m.name, m.v != nil, func() { e.Name(m.name).Float(*m.v) })
	}
	limit := e.q.MaxTokens
	if limit == "" {
		limit = "max_completion_tokens"
	}
	if s.TopK != nil && !e.takes("top_k") {
		e.lose(false, "top_k", "no counterpart in "+string(own))
	} else {
		e.optional("top_k", s.TopK != nil, func() { e.Name("top_k").Int(*s.TopK) })
	}
	ints := [...]struct {
		name string
		v    *int64
	}{{limit, s.MaxTokens}, {"seed", s.Seed}, {"n", s.N}}
	for _, m := range ints {
		e.optional(m.name, m.v != nil, func() { e.Name(m.name).Int(*m.v) })
	}
	switch asked := s.Logprobs != nil && *s.Logprobs; {
	case asked && e.thinks():
		e.lose(true, "logprobs", "a model that thinks reports none")
	default:
		e.optional("top_logprobs", s.TopLogprobs != nil, func() { e.Name("top_logprobs").Int(*s.TopLogprobs) })
		e.optional("logprobs", s.Logprobs != nil, func() { e.Name("logprobs").Bool(*s.Logprobs) })
	}
	if len(s.Stop) > 0 && e.traits.stopped {
		e.lose(true, "stop", "the model takes no stop sequences")
		return
	}
	e.optional("stop", len(s.Stop) > 0, func() { e.strings("stop", s.Stop) })
}

// thinks tells whether the model thinks about this request, and so takes no numbers.
func (e *encoder) thinks() bool {
	return e.traits.fixed || e.traits.cool && e.word != "" && e.word != "none"
}

func (e *encoder) strings(name string, all []string) {
	e.Name(name)
	e.Open('[')
	for _, s := range all {
		e.String(s)
	}
	e.Close(']')
}

func (e *encoder) output() {
	o := &e.chat.Output
	e.optional("modalities", len(o.Modalities) > 0, func() { e.strings("modalities", o.Modalities) })
	e.optional("verbosity", o.Verbosity != "", func() { e.Member("verbosity", o.Verbosity) })
	e.optional("response_format", o.Kind != "", e.responseFormat)
}

func (e *encoder) responseFormat() {
	o := &e.chat.Output
	kind := map[string]string{"text": "text", "json": "json_object", "schema": "json_schema"}[o.Kind]
	if o.Kind == "schema" && (e.q.NoSchema || o.Schema == nil) {
		kind = "json_object"
		if o.Schema != nil {
			e.lose(true, "response_format.schema", "the provider takes no schema")
		}
	}
	e.Name("response_format")
	e.Open('{')
	e.Member("type", kind)
	if kind == "json_schema" {
		name := o.Name
		if name == "" {
			name = "response" // the format demands a name
		}
		e.Name("json_schema")
		e.Open('{')
		e.Member("name", name)
		e.Some("description", o.Description)
		e.Name("schema").Raw(o.Schema)
		if o.Strict != nil {
			e.Name("strict").Bool(e.strict(*o.Strict, o.Schema, "response_format"))
		}
		e.Close('}')
	}
	e.Close('}')
}

// thinking asks for reasoning in the provider's way.
func (e *encoder) thinking() {
	t := e.chat.Thinking
	if e.traits.apart && len(e.named) > 0 {
		wanted := t.Effort != "" || t.Budget != nil || t.Auto || e.traits.eager
		if wanted && !t.Off && t.Effort != "none" {
			e.lose(false, "thinking", "not together with tools in this API")
		}
		t = llm.Thinking{Off: e.traits.eager, Display: t.Display}
	}
	if t == (llm.Thinking{}) || rawjson.Get(e.chat.Ext[own], "reasoning") != nil {
		return
	}
	if t.Effort == "none" {
		t.Off, t.Effort = true, ""
	}
	switch {
	case rawjson.Get(e.chat.Ext[own], "thinking") != nil: // kept whole; the effort stands beside it
		e.optional("reasoning_effort", t.Effort != "", func() { e.Member("reasoning_effort", t.Effort) })
		return
	case e.takes("reasoning"):
		e.reasoningObject(t)
		return
	case e.takes("thinking") && (t.Off || t.Auto || t.Effort != "" || t.Budget != nil):
		e.thinkingObject(t)
	default:
		e.effort(t)
	}
	if t.Display != "" {
		e.lose(false, "thinking.display", "no counterpart in "+string(own))
	}
}

func (e *encoder) reasoningObject(t llm.Thinking) {
	e.Name("reasoning")
	e.Open('{')
	switch {
	case t.Off:
		e.Name("enabled").Bool(false)
	case t.Budget != nil:
		e.Name("max_tokens").Int(*t.Budget) // one of the two: OpenRouter refuses both
		if t.Effort != "" {
			e.lose(false, "thinking.effort", "a budget is given")
		}
	case t.Effort != "":
		e.Member("effort", t.Effort)
	case t.Auto:
		e.Name("enabled").Bool(true)
	}
	switch t.Display {
	case "hide", "omitted":
		e.Name("exclude").Bool(true)
	case "show":
		e.Name("exclude").Bool(false)
	case "summarized":
		e.lose(false, "thinking.display", "no counterpart in "+string(own))
	}
	e.Close('}')
}

func (e *encoder) thinkingObject(t llm.Thinking) {
	e.Name("thinking")
	e.Open('{')
	if t.Off {
		e.Member("type", "disabled")
	} else {
		e.Member("type", "enabled")
	}
	e.Close('}')
	if t.Budget != nil {
		e.lose(false, "thinking.budget", "the provider takes no budget")
	}
	e.optional("reasoning_effort", t.Effort != "", func() { e.Member("reasoning_effort", t.Effort) })
}

// effort says what can be said in OpenAI's one word. A budget becomes the nearest word.
func (e *encoder) effort(t llm.Thinking) {
	word := t.Effort
	switch {
	case t.Off:
		word = "none"
	case word == "" && t.Budget != nil:
		word = "high"
		if *t.Budget <= 2048 {
			word = "low"
		} else if *t.Budget <= 8192 {
			word = "medium"
		}
		e.lose(false, "thinking.budget", "sent as an effort")
	case t.Budget != nil:
		e.lose(false, "thinking.budget", "an effort is given")
	case t.Auto && word == "":
		e.lose(false, "thinking", "left to the model's default")
	}
	if has := e.clamp(word); has != word {
		if word == "none" {
			e.lose(false, "thinking", "the model always thinks")
		} else if word != "minimal" {
			e.lose(false, "thinking.effort", word+" is sent as "+has)
		}
		word = has
	}
	e.word = word
	e.optional("reasoning_effort", word != "", func() { e.Member("reasoning_effort", word) })
}

// clamp is an effort that the model has. Of models that are not known, those that know more than OpenAI's first words know xhigh.
func (e *encoder) clamp(word string) string {
	if e.traits.efforts == nil && word == "max" {
		return "xhigh"
	}
	return e.traits.clamp(word)
}
