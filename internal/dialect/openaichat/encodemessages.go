package openaichat

import (
	"crypto/sha256"
	"math/big"

	"tidegate/internal/llm"
)

func (e *encoder) messages() {
	e.Name("messages")
	e.Open('[')
	if len(e.chat.System) > 0 {
		e.message(&turn{role: llm.RoleSystem, items: numbered("system", e.chat.System)})
	}
	for _, t := range e.turns() {
		switch t.role {
		case llm.RoleSystem:
			e.message(&t)
		case llm.RoleUser:
			e.user(&t)
		case llm.RoleAssistant:
			e.assistant(&t)
		}
	}
	e.Close(']')
}

// message writes one message whose parts are all content.
func (e *encoder) message(t *turn) {
	e.Open('{')
	e.Member("role", string(t.role))
	e.Some("name", t.name)
	e.Name("content")
	e.content(t.items)
	e.ext(t.ext)
	e.Close('}')
}

// user splits the results off: they are messages of their own and must come first. A tool's answer is text here, so media in
// one follow in the user's message.
func (e *encoder) user(t *turn) {
	said := turn{role: t.role, name: t.name, ext: t.ext}
	results := 0
	for _, it := range t.items {
		r, ok := it.part.(llm.Result)
		if !ok {
			said.items = append(said.items, it)
			continue
		}
		results++
		for j, moved := range e.result(it.where, &r) {
			if j == 0 {
				e.lose(false, it.where, "media of a tool result follow in a user message")
			}
			said.items = append(said.items, piece{it.where, moved})
		}
	}
	if len(said.items) > 0 || results == 0 {
		e.message(&said)
	}
}

// result writes a tool message and returns the media that it could not hold.
func (e *encoder) result(path string, r *llm.Result) (media []llm.Part) {
	e.losses = r.Ext.Losses(e.losses, own, path)
	if r.Failed {
		e.lose(false, path+".is_error", "no counterpart in "+string(own))
	}
	var pieces []piece
	for _, it := range numbered(path+".content", r.Parts) {
		if _, ok := it.part.(llm.Media); ok {
			media = append(media, it.part)
		} else {
			pieces = append(pieces, it)
		}
	}
	e.Open('{')
	e.Member("role", "tool")
	e.Member("tool_call_id", e.callID(r.CallID))
	e.Some("name", r.Name)
	e.Name("content")
	e.content(pieces)
	e.mark(path, r.Mark)
	e.ext(r.Ext)
	e.Close('}')
	return media
}

// callID is an id in the provider's alphabet. Mistral demands nine letters or digits; others are hashed into that, so that call
// and result stay a pair.
func (e *encoder) callID(id string) string {
	if e.q.CallID != "mistral9" || len(id) == 9 && alphanumeric(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	text := "000000000" + new(big.Int).SetBytes(sum[:8]).Text(62)
	return text[len(text)-9:]
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			return false
		}
	}
	return true
}

// assistant writes a turn of the model: its thoughts, content and calls each have a place of their own.
func (e *encoder) assistant(t *turn) {
	var (
		content []piece
		calls   []piece
		spoken  []llm.Thought
		refusal string
		audio   *llm.Opaque
		seal    *llm.Seal
	)
	moved := false // behind what was said later
	for _, it := range t.items {
		switch p := it.part.(type) {
		case llm.Thought:
			if e.keeps(it.where, &p) {
				moved = moved || len(content)+len(calls) > 0
				spoken = append(spoken, p)
			}
			continue
		case llm.Call:
			calls = append(calls, it)
			continue
		case llm.Opaque:
			if p.From == own && p.Kind == "audio" {
				audio = &p
			} else {
				content = append(content, it)
			}
		case llm.Text:
			if p.Seal != nil {
				seal, p.Seal = e.accepted(it.where, p.Seal), nil
			}
			if p.Text == "" { // it was there for its seal
				continue
			}
			content = append(content, piece{it.where, p})
		default:
			content = append(content, it)
		}
		moved = moved || len(calls) > 0
	}
	if moved {
		e.lose(false, t.path+".content", "thoughts, content and calls are said in this order")
	}
	if n := len(content); n > 0 && n <= 2 { // a refusal in the end has its own member
		if t, ok := content[n-1].part.(llm.Text); ok && t.Refusal && plainText(content[:n-1]) && plain(t) {
			refusal, content = t.Text, content[:n-1]
		}
	}
	e.Open('{')
	e.Member("role", "assistant")
	e.Some("name", t.name)
	thinking := e.q.Thought == "thinking_parts" && len(spoken) > 0
	e.Name("content")
	switch {
	case thinking:
		e.thinkingParts(spoken, content)
	case len(content) == 0 && len(calls)+len(refusal) > 0:
		e.Raw([]byte("null"))
	default:
		e.content(content)
	}
	e.Some("refusal", refusal)
	if !thinking {
		e.reasoning(e.q.Thought, spoken)
	}
	if audio != nil {
		e.Name("audio").Raw(audio.Raw)
	}
	if seal != nil {
		e.google(seal.Data)
	}
	e.calls(calls)
	e.ext(t.ext)
	e.Close('}')
}

func (e *encoder) calls(calls []piece) {
	if len(calls) == 0 {
		return
	}
	e.Name("tool_calls")
	e.Open('[')
	for _, pc := range calls {
		c, where := pc.part.(llm.Call), pc.where
		e.losses = c.Ext.Losses(e.losses, own, where)
		seal := ""
		if s := e.accepted(where, c.Seal); s != nil {
			seal = s.Data
		}
		e.Open('{')
		e.callBody(e.callID(c.ID), &c, seal)
		e.mark(where, c.Mark)
		e.ext(c.Ext)
		e.Close('}')
	}
	e.Close(']')
}

// callBody writes the members of a whole call.
func (w *writer) callBody(id string, c *llm.Call, seal string) {
	kind, input, args := "function", "arguments", c.Args
	if c.Custom {
		kind, input = "custom", "input"
	} else if args == "" {
		args = "{}"
	}
	w.Member("id", id)
	w.Member("type", kind)
	w.Name(kind)
	w.Open('{')
	w.Member("name", c.Name)
	w.Member(input, args)
	w.Close('}')
	if seal != "" {
		w.google(seal)
	}
}

func (w *writer) google(signature string) {
	w.Name("extra_content")
	w.signature(signature)
}

func (w *writer) signature(signature string) {
	w.Open('{')
	w.Name("google")
	w.Open('{')
	w.Member("thought_signature", signature)
	w.Close('}')
	w.Close('}')
}
