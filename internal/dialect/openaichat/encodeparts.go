package openaichat

import (
	"encoding/base64"
	"slices"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// plain tells whether a text is nothing but its letters.
func plain(t llm.Text) bool { return t.Mark == nil && t.Ext[own] == nil }

// plainText tells whether pieces can be written as a string: none, or one text without anything to it.
func plainText(pieces []piece) bool {
	if len(pieces) == 0 {
		return true
	}
	t, ok := pieces[0].part.(llm.Text)
	return ok && len(pieces) == 1 && plain(t) && !t.Refusal
}

// content writes a message's content: a string where that will do, since not every provider takes arrays.
func (e *encoder) content(pieces []piece) {
	pieces = e.carried(pieces)
	marked := func(p llm.Part) bool { t, ok := p.(llm.Text); return ok && t.Mark != nil }
	if len(pieces) == 1 && marked(pieces[0].part) && !e.takes("cache_control") {
		t := pieces[0].part.(llm.Text)
		e.lose(false, pieces[0].where+".cache_control", "no counterpart in "+string(own))
		t.Mark = nil
		pieces = []piece{{pieces[0].where, t}}
	}
	if plainText(pieces) {
		text := ""
		if len(pieces) == 1 {
			t := pieces[0].part.(llm.Text)
			text = t.Text
			e.textLosses(pieces[0].where, &t)
		}
		e.String(text)
		return
	}
	e.Open('[')
	from := len(e.B)
	e.pieces(pieces)
	if len(e.B) > from {
		e.Close(']')
		return
	}
	e.B = append(e.B[:from-1], `""`...) // nothing could be carried: an empty array would be refused
}

// carried leaves out, and reports, the parts that only another dialect understands.
func (e *encoder) carried(pieces []piece) (out []piece) {
	for _, pc := range pieces {
		if p, ok := pc.part.(llm.Opaque); ok && p.From != own {
			e.lose(true, pc.where, "a part that only "+string(p.From)+" knows: "+p.Kind)
			continue
		}
		out = append(out, pc)
	}
	return out
}

func (e *encoder) pieces(pieces []piece) {
	for _, pc := range pieces {
		where := pc.where
		switch p := pc.part.(type) {
		case llm.Text:
			e.textLosses(where, &p)
			e.textPart(where, &p)
		case llm.Media:
			e.losses = p.Ext.Losses(e.losses, own, where)
			e.media(where, &p)
		case llm.Opaque:
			e.Raw(p.Raw)
		case llm.Thought:
			e.lose(false, where, "a thought outside an assistant's message")
		case llm.Call, llm.Result:
			e.lose(true, where, "a tool call or result in the wrong role")
		}
	}
}

func (e *encoder) textLosses(path string, t *llm.Text) {
	e.losses = t.Ext.Losses(e.losses, own, path)
	if t.Seal != nil {
		e.accepted(path, t.Seal)
	}
	if len(t.Cites) > 0 {
		e.lose(false, path+".citations", "requests have no place for citations")
	}
}

func (e *encoder) textPart(path string, t *llm.Text) {
	kind := "text"
	if t.Refusal {
		kind = "refusal"
	}
	e.Open('{')
	e.Member("type", kind)
	e.Member(kind, t.Text)
	e.mark(path, t.Mark)
	e.ext(t.Ext)
	e.Close('}')
}

// media writes an image, a sound, a film or a document.
func (e *encoder) media(path string, m *llm.Media) {
	kind, _, _ := strings.Cut(m.Type, "/")
	web := strings.HasPrefix(m.URL, "http://") || strings.HasPrefix(m.URL, "https://")
	switch {
	case m.FileID != "" && kind != "image" && !elsewhere(m.FileID):
		e.file(path, m, "file_id", m.FileID)
	case m.URL != "" && !web, m.FileID != "":
		e.lose(true, path, "the address or file id means nothing to this provider")
	case kind == "image" || kind == "":
		e.addressed(path, m, "image_url")
	case kind == "video" && e.to.Issuer == "openai":
		e.lose(true, path, "OpenAI's models take no video")
	case kind == "video":
		e.addressed(path, m, "video_url")
	case kind == "audio" && m.URL == "":
		e.audio(path, m)
	case kind != "text" && e.takes("document_url"):
		e.addressed(path, m, "document_url")
	case m.URL != "" && e.takes("file_url"):
		e.file(path, m, "file_data", m.URL)
	case m.URL != "":
		e.lose(true, path, "documents and sounds by address have no counterpart in "+string(own))
	case kind == "text":
		e.textPart(path, &llm.Text{Text: string(m.Data), Mark: m.Mark, Ext: m.Ext})
		e.lose(false, path, "a text document is sent as text")
	default:
		e.file(path, m, "file_data", dataURL(m))
	}
}

// elsewhere tells whether a file is known to be another vendor's, by the look of its id: Anthropic's or Google's.
func elsewhere(id string) bool {
	return strings.HasPrefix(id, "file_") || strings.HasPrefix(id, "files/") || strings.Contains(id, "://")
}

func dataURL(m *llm.Media) string {
	return "data:" + m.Type + ";base64," + base64.StdEncoding.EncodeToString(m.Data)
}

// begin opens a part and its inner object; end closes both and writes what was kept for them.
func (e *encoder) begin(kind, inner string) {
	e.Open('{')
	e.Member("type", kind)
	e.Name(inner)
	e.Open('{')
}

func (e *encoder) end(path, inner string, m *llm.Media) {
	e.ext(memberOf(m.Ext, inner))
	e.Close('}')
	e.mark(path, m.Mark)
	e.ext(m.Ext, inner)
	e.Close('}')
}

func (e *encoder) addressed(path string, m *llm.Media, member string) {
	target := m.URL
	if target == "" {
		target = dataURL(m)
	}
	if member == "document_url" { // Mistral's: not an object
		e.Open('{')
		e.Member("type", member)
		e.Member(member, target)
		e.Some("document_name", m.Name)
		e.mark(path, m.Mark)
		e.ext(m.Ext, member)
		e.Close('}')
		return
	}
	e.begin(member, member)
	e.Member("url", target)
	e.Some("detail", m.Detail)
	e.end(path, member, m)
}

func (e *encoder) audio(path string, m *llm.Media) {
	format := ""
	for _, t := range audioTypes {
		if t.mime == m.Type || strings.TrimPrefix(m.Type, "audio/x-") == t.format || strings.TrimPrefix(m.Type, "audio/") == t.format {
			format = t.format
			break
		}
	}
	if format == "" {
		e.lose(true, path, "input_audio has no word for "+m.Type)
		return
	}
	e.begin("input_audio", "input_audio")
	e.Member("data", base64.StdEncoding.EncodeToString(m.Data))
	e.Member("format", format)
	e.end(path, "input_audio", m)
}

func (e *encoder) file(path string, m *llm.Media, member, value string) {
	name := m.Name
	if name == "" && member == "file_data" {
		name = "document.pdf" // the format demands a name
	}
	e.begin("file", "file")
	e.Some("filename", name)
	e.Member(member, value)
	e.end(path, "file", m)
}

// accepted returns a seal that the target issued itself, and reports any other.
func (e *encoder) accepted(path string, s *llm.Seal) *llm.Seal {
	if s == nil || s.Issuer == e.to.Issuer {
		return s
	}
	e.lose(false, path+".signature", "issued by "+s.Issuer)
	return nil
}

// keeps tells whether a thought may go to the target: one that is sealed only to its issuer.
func (e *encoder) keeps(path string, t *llm.Thought) bool {
	e.losses = t.Ext.Losses(e.losses, own, path)
	if t.Seal != nil && t.Seal.Issuer != e.to.Issuer {
		e.lose(false, path, "a thought sealed by "+t.Seal.Issuer)
		return false
	}
	member := e.q.Thought
	if member == "" {
		member = "reasoning_content"
	}
	if e.to.Issuer == "openai" && t.Seal == nil || slices.Contains(e.q.Drops, member) { // OpenAI shows none here, and reads none
		e.lose(false, path, "the provider takes no thoughts")
		return false
	}
	return t.Text != "" || t.Seal != nil
}

// reasoning writes thoughts: their text in the given member, and with their seals in reasoning_details.
func (w *writer) reasoning(member string, all []llm.Thought) {
	if len(all) == 0 {
		return
	}
	if member == "" {
		member = "reasoning_content"
	}
	var text strings.Builder
	sealed := false
	for _, t := range all {
		text.WriteString(t.Text)
		sealed = sealed || t.Seal != nil
	}
	w.Some(member, text.String())
	if !sealed {
		return
	}
	w.Name("reasoning_details")
	w.Open('[')
	for i, t := range all {
		seal, format := "", ""
		if t.Seal != nil {
			seal, format = t.Seal.Data, formatOf(t.Seal.Issuer)
		}
		w.detail(i, &t, seal, format)
	}
	w.Close(']')
}

// detail writes one element of reasoning_details. A seal that is an element itself is written out, with the text.
func (w *writer) detail(index int, t *llm.Thought, seal, format string) {
	w.Open('{')
	if strings.HasPrefix(seal, "{") {
		w.ext(llm.Ext{own: []byte(seal)})
		member := "text"
		if kind, _ := rawjson.String(rawjson.Get([]byte(seal), "type")); kind == "reasoning.summary" {
			member = "summary"
		}
		w.Some(member, t.Text)
	} else if t.Redacted {
		w.Member("type", "reasoning.encrypted")
		w.Member("data", seal)
	} else {
		w.Member("type", "reasoning.text")
		w.Member("text", t.Text)
		w.Some("signature", seal)
	}
	if !strings.HasPrefix(seal, "{") {
		w.Some("format", format)
	}
	w.Name("index").Int(int64(index))
	w.Close('}')
}

// thinkingParts writes thoughts the way of Mistral, as parts in front of the content.
func (e *encoder) thinkingParts(spoken []llm.Thought, content []piece) {
	e.Open('[')
	for _, t := range spoken {
		e.begin("thinking", "thinking")
		e.B[len(e.B)-1] = '['
		e.Open('{')
		e.Member("type", "text")
		e.Member("text", t.Text)
		e.Close('}')
		e.Close(']')
		e.Close('}')
	}
	e.pieces(e.carried(content))
	e.Close(']')
}
