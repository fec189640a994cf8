package openaichat

import (
	"fmt"
	"hash/fnv"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// finishes are the words for every reason. A refusal's depends on where it is said, see finishWord.
var finishes = map[llm.StopReason]string{
	llm.StopNone:      "stop",
	llm.StopEnd:       "stop",
	llm.StopLength:    "length",
	llm.StopSequence:  "stop",
	llm.StopTools:     "tool_calls",
	llm.StopFiltered:  "content_filter",
	llm.StopRefusal:   "content_filter",
	llm.StopPause:     "stop",
	llm.StopWindow:    "length",
	llm.StopMalformed: "stop",
	llm.StopOther:     "stop",
}

// finishWord: a refusal that the caller reads in the refusal member ends like any text; one without words is a filter's.
func finishWord(reason llm.StopReason, calls, refused bool) string {
	switch {
	case reason == llm.StopRefusal && refused:
		return "stop"
	case calls && (reason == llm.StopEnd || reason == llm.StopNone):
		return "tool_calls"
	}
	return finishes[reason]
}

// EncodeReply writes a whole answer.
func (Codec) EncodeReply(reply *llm.Reply) ([]byte, []llm.Loss, error) {
	e := replyEncoder{losses: reply.Ext.Losses(nil, own, "")}
	e.open('{')
	e.str("id", replyID(reply.ID, reply.Model))
	e.str("object", "chat.completion")
	e.int("created", reply.Created)
	e.str("model", reply.Model)
	e.name("choices")
	e.open('[')
	for i := range reply.Choices {
		e.choice(i, &reply.Choices[i])
	}
	e.close(']')
	if reply.Usage != nil {
		e.usage(reply.Usage)
		e.some("service_tier", tier(reply.Usage))
	}
	e.ext(reply.Ext, "service_tier")
	e.close('}')
	return e.b, e.losses, nil
}

// tiers are the words that the field may hold; those of other dialects would not pass a client's check.
var tiers = map[string]bool{"auto": true, "default": true, "flex": true, "scale": true, "priority": true}

func tier(u *llm.Usage) string {
	if tiers[u.Tier] {
		return u.Tier
	}
	return ""
}

// replyID is the upstream's id, or one made of what is there: ids must not be empty.
func replyID(id, model string) string {
	if id != "" {
		return id
	}
	h := fnv.New64a()
	h.Write([]byte(model))
	return fmt.Sprintf("chatcmpl-%016x", h.Sum64())
}

type replyEncoder struct {
	writer
	losses []llm.Loss
}

func (e *replyEncoder) lose(path, why string) {
	e.losses = append(e.losses, llm.Loss{Path: path, Why: why})
}

// sorted is an answer's parts by the members in which they go.
type sorted struct {
	text, refusal strings.Builder
	raw           []piece // own opaque parts and texts in their order, when there are such parts
	opaque        bool
	thoughts      []llm.Thought
	cites         []citation
	calls         []llm.Call
	images        []llm.Media
	audio         *llm.Opaque
	seal          *llm.Seal
}

// citation is a citation and where the text that it belongs to begins in the whole content.
type citation struct {
	llm.Citation
	text string
	base int64
}

func (e *replyEncoder) sort(path string, parts []llm.Part) *sorted {
	s := &sorted{}
	chars := int64(0)
	for i, p := range parts {
		where := at(path, i)
		switch p := p.(type) {
		case llm.Text:
			e.losses = p.Ext.Losses(e.losses, own, where)
			if p.Refusal {
				s.refusal.WriteString(p.Text)
				continue
			}
			for _, c := range p.Cites {
				if c.From != own && c.URL == "" {
					e.lose(where+".citations", "a citation without an address")
					continue
				}
				s.cites = append(s.cites, citation{c, p.Text, chars})
			}
			if p.Seal != nil {
				s.seal = p.Seal
			}
			chars += charOffset(p.Text, len(p.Text))
			s.text.WriteString(p.Text)
			s.raw = append(s.raw, piece{where, p})
		case llm.Thought:
			e.losses = p.Ext.Losses(e.losses, own, where)
			s.thoughts = append(s.thoughts, p)
		case llm.Call:
			e.losses = p.Ext.Losses(e.losses, own, where)
			s.calls = append(s.calls, p)
		case llm.Media:
			s.images = append(s.images, p)
		case llm.Opaque:
			switch {
			case p.From != own:
				e.lose(where, "a part that only "+string(p.From)+" knows: "+p.Kind)
			case p.Kind == "audio":
				s.audio = &p
			default:
				s.raw, s.opaque = append(s.raw, piece{where, p}), true
			}
		case llm.Result:
			e.lose(where, "the result of a tool that the provider ran")
		}
	}
	return s
}

func (e *replyEncoder) choice(index int, c *llm.Choice) {
	path := at("choices", index)
	e.losses = c.Ext.Losses(e.losses, own, path)
	s := e.sort(path+".message.content", c.Parts)
	e.open('{')
	e.int("index", int64(index))
	e.name("message")
	e.open('{')
	e.str("role", "assistant")
	e.name("content")
	e.content(s)
	e.name("refusal")
	if s.refusal.Len() > 0 {
		e.text(s.refusal.String())
	} else {
		e.raw([]byte("null"))
	}
	e.reasoning("", wrapped(s.thoughts))
	e.annotations(s.cites)
	if len(s.calls) > 0 {
		e.name("tool_calls")
		e.open('[')
		for i := range s.calls {
			e.open('{')
			e.callBody(s.calls[i].ID, &s.calls[i], carry(s.calls[i].Seal))
			e.ext(s.calls[i].Ext)
			e.close('}')
		}
		e.close(']')
	}
	e.pictures(s.images)
	if s.audio != nil {
		e.value("audio", s.audio.Raw)
	}
	if s.seal != nil {
		e.google(carry(s.seal))
	}
	e.ext(memberOf(c.Ext, "message"))
	e.close('}')
	e.logprobs(c.Logprobs)
	e.str("finish_reason", finishWord(c.Stop.Reason, len(s.calls) > 0, s.refusal.Len() > 0))
	e.ext(c.Ext, "message")
	e.close('}')
}

// content is null when there is none, and an array only for parts that cannot be text.
func (e *replyEncoder) content(s *sorted) {
	switch {
	case s.opaque:
		e.open('[')
		for _, pc := range s.raw {
			switch p := pc.part.(type) {
			case llm.Opaque:
				e.raw(p.Raw)
			case llm.Text:
				e.open('{')
				e.str("type", "text")
				e.str("text", p.Text)
				e.close('}')
			case llm.Media, llm.Thought, llm.Call, llm.Result: // sort puts them elsewhere
			}
		}
		e.close(']')
	case s.text.Len() > 0:
		e.text(s.text.String())
	case len(s.calls) > 0 || s.audio != nil || s.refusal.Len() > 0:
		e.raw([]byte("null"))
	default:
		e.text("")
	}
}

// logprobs writes the log probabilities with both members that OpenAI's clients require, of which others leave one out.
func (w *writer) logprobs(raw []byte) {
	if raw == nil {
		w.value("logprobs", []byte("null"))
		return
	}
	for _, name := range [...]string{"content", "refusal"} {
		if rawjson.Get(raw, name) != nil {
			continue
		}
		if whole, err := rawjson.Patch(raw, rawjson.Edit{Name: name, Value: []byte("null")}); err == nil {
			raw = whole
		}
	}
	w.value("logprobs", raw)
}

// carry is the text under which a seal travels through the client. It always bears our mark, so that it is known again wherever
// the conversation goes next.
func carry(s *llm.Seal) string {
	if s == nil {
		return ""
	}
	return s.Wrap()
}

// wrapped are the thoughts with their seals made fit for travelling.
func wrapped(thoughts []llm.Thought) []llm.Thought {
	all := make([]llm.Thought, len(thoughts))
	for i, t := range thoughts {
		if t.Seal != nil {
			t.Seal = &llm.Seal{Issuer: t.Seal.Issuer, Data: t.Seal.Wrap()}
		}
		all[i] = t
	}
	return all
}

func (w *writer) annotations(cites []citation) {
	if len(cites) == 0 {
		return
	}
	w.name("annotations")
	w.open('[')
	for _, c := range cites {
		w.annotation(c)
	}
	w.close(']')
}

// annotation writes a citation: verbatim when it was one of this dialect, else as far as a url_citation can say it.
func (w *writer) annotation(c citation) {
	if c.From == own && c.Raw != nil {
		w.raw(c.Raw)
		return
	}
	w.open('{')
	w.str("type", "url_citation")
	w.name("url_citation")
	w.open('{')
	w.str("url", c.URL)
	w.str("title", c.Title)
	w.int("start_index", c.base+charOffset(c.text, c.Start))
	w.int("end_index", c.base+charOffset(c.text, c.End))
	w.some("content", c.Text)
	w.close('}')
	w.close('}')
}

// pictures writes images the way of OpenRouter, which defined them for chat.
func (w *writer) pictures(images []llm.Media) {
	if len(images) == 0 {
		return
	}
	w.name("images")
	w.open('[')
	for i := range images {
		w.picture(&images[i])
	}
	w.close(']')
}

func (w *writer) picture(m *llm.Media) {
	target := m.URL
	if target == "" {
		target = dataURL(m)
	}
	w.open('{')
	w.str("type", "image_url")
	w.name("image_url")
	w.open('{')
	w.str("url", target)
	w.close('}')
	w.close('}')
}
