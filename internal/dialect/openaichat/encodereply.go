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
	e.Open('{')
	e.Member("id", replyID(reply.ID, reply.Model))
	e.Member("object", "chat.completion")
	e.Name("created").Int(reply.Created)
	e.Member("model", reply.Model)
	e.Name("choices")
	e.Open('[')
	for i := range reply.Choices {
		e.choice(i, &reply.Choices[i])
	}
	e.Close(']')
	if reply.Usage != nil {
		e.usage(reply.Usage)
		e.Some("service_tier", tier(reply.Usage))
	}
	e.ext(reply.Ext, "service_tier")
	e.Close('}')
	return e.B, e.losses, nil
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
	e.Open('{')
	e.Name("index").Int(int64(index))
	e.Name("message")
	e.Open('{')
	e.Member("role", "assistant")
	e.Name("content")
	e.content(s)
	e.Name("refusal")
	if s.refusal.Len() > 0 {
		e.String(s.refusal.String())
	} else {
		e.Raw([]byte("null"))
	}
	e.reasoning("", wrapped(s.thoughts))
	e.annotations(s.cites)
	if len(s.calls) > 0 {
		e.Name("tool_calls")
		e.Open('[')
		for i := range s.calls {
			e.Open('{')
			e.callBody(s.calls[i].ID, &s.calls[i], carry(s.calls[i].Seal))
			e.ext(s.calls[i].Ext)
			e.Close('}')
		}
		e.Close(']')
	}
	e.pictures(s.images)
	if s.audio != nil {
		e.Name("audio").Raw(s.audio.Raw)
	}
	if s.seal != nil {
		e.google(carry(s.seal))
	}
	e.ext(memberOf(c.Ext, "message"))
	e.Close('}')
	e.logprobs(c.Logprobs)
	e.Member("finish_reason", finishWord(c.Stop.Reason, len(s.calls) > 0, s.refusal.Len() > 0))
	e.ext(c.Ext, "message")
	e.Close('}')
}

// content is null when there is none, and an array only for parts that cannot be text.
func (e *replyEncoder) content(s *sorted) {
	switch {
	case s.opaque:
		e.Open('[')
		for _, pc := range s.raw {
			switch p := pc.part.(type) {
			case llm.Opaque:
				e.Raw(p.Raw)
			case llm.Text:
				e.Open('{')
				e.Member("type", "text")
				e.Member("text", p.Text)
				e.Close('}')
			case llm.Media, llm.Thought, llm.Call, llm.Result: // sort puts them elsewhere
			}
		}
		e.Close(']')
	case s.text.Len() > 0:
		e.String(s.text.String())
	case len(s.calls) > 0 || s.audio != nil || s.refusal.Len() > 0:
		e.Raw([]byte("null"))
	default:
		e.String("")
	}
}

// logprobs writes the log probabilities with both members that OpenAI's clients require, of which others leave one out.
func (w *writer) logprobs(raw []byte) {
	if raw == nil {
		w.Name("logprobs").Raw([]byte("null"))
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
	w.Name("logprobs").Raw(raw)
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
	w.Name("annotations")
	w.Open('[')
	for _, c := range cites {
		w.annotation(c)
	}
	w.Close(']')
}

// annotation writes a citation: verbatim when it was one of this dialect, else as far as a url_citation can say it.
func (w *writer) annotation(c citation) {
	if c.From == own && c.Raw != nil {
		w.Raw(c.Raw)
		return
	}
	w.Open('{')
	w.Member("type", "url_citation")
	w.Name("url_citation")
	w.Open('{')
	w.Member("url", c.URL)
	w.Member("title", c.Title)
	w.Name("start_index").Int(c.base + charOffset(c.text, c.Start))
	w.Name("end_index").Int(c.base + charOffset(c.text, c.End))
	w.Some("content", c.Text)
	w.Close('}')
	w.Close('}')
}

// pictures writes images the way of OpenRouter, which defined them for chat.
func (w *writer) pictures(images []llm.Media) {
	if len(images) == 0 {
		return
	}
	w.Name("images")
	w.Open('[')
	for i := range images {
		w.picture(&images[i])
	}
	w.Close(']')
}

func (w *writer) picture(m *llm.Media) {
	target := m.URL
	if target == "" {
		target = dataURL(m)
	}
	w.Open('{')
	w.Member("type", "image_url")
	w.Name("image_url")
	w.Open('{')
	w.Member("url", target)
	w.Close('}')
	w.Close('}')
}
