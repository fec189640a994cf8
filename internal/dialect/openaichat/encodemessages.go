package openaichat

import (
	"crypto/sha256"
	"math/big"

	"tidegate/internal/llm"
)

func (e *encoder) messages() {
	e.name("messages")
	e.open('[')
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
	e.close(']')
}

// message writes one message whose parts are all content.
func (e *encoder) message(t *turn) {
	e.open('{')
	e.str("role", string(t.role))
	e.some("name", t.name)
	e.name("content")
	e.content(t.items)
	e.ext(t.ext)
	e.close('}')
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
	e.open('{')
	e.str("role", "tool")
	e.str("tool_call_id", e.callID(r.CallID))
	e.some("name", r.Name)
	e.name("content")
	e.content(pieces)
	e.mark(path, r.Mark)
	e.ext(r.Ext)
	e.close('}')
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
	e.open('{')
	e.str("role", "assistant")
	e.some("name", t.name)
	thinking := e.q.Thought == "thinking_parts" && len(spoken) > 0
	e.name("content")
	switch {
	case thinking:
		e.thinkingParts(spoken, content)
	case len(content) == 0 && len(calls)+len(refusal) > 0:
		e.raw([]byte("null"))
	default:
		e.content(content)
	}
	e.some("refusal", refusal)
	if !thinking {
		e.reasoning(e.q.Thought, spoken)
	}
	if audio != nil {
		e.value("audio", audio.Raw)
	}
	if seal != nil {
		e.google(seal.Data)
	}
	e.calls(calls)
	e.ext(t.ext)
	e.close('}')
}

func (e *encoder) calls(calls []piece) {
	if len(calls) == 0 {
		return
	}
	e.name("tool_calls")
	e.open('[')
	for _, pc := range calls {
		c, where := pc.part.(llm.Call), pc.where
		e.losses = c.Ext.Losses(e.losses, own, where)
		seal := ""
		if s := e.accepted(where, c.Seal); s != nil {
			seal = s.Data
		}
		e.open('{')
		e.callBody(e.callID(c.ID), &c, seal)
		e.mark(where, c.Mark)
		e.ext(c.Ext)
		e.close('}')
	}
	e.close(']')
}

// callBody writes the members of a whole call.
func (w *writer) callBody(id string, c *llm.Call, seal string) {
	kind, input, args := "function", "arguments", c.Args
	if c.Custom {
		kind, input = "custom", "input"
	} else if args == "" {
		args = "{}"
	}
	w.str("id", id)
	w.str("type", kind)
	w.name(kind)
	w.open('{')
	w.str("name", c.Name)
	w.str(input, args)
	w.close('}')
	if seal != "" {
		w.google(seal)
	}
}

func (w *writer) google(signature string) {
	w.name("extra_content")
	w.signature(signature)
}

func (w *writer) signature(signature string) {
	w.open('{')
	w.name("google")
	w.open('{')
	w.str("thought_signature", signature)
	w.close('}')
	w.close('}')
}
