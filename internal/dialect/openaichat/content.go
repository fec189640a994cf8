package openaichat

import (
	"encoding/base64"
	"net/url"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// content reads the content of a message: a string, or parts. An object, which Cloudflare answers with in JSON mode, is the
// text that it would have been.
func (r *reader) content(path string, value []byte) (parts []llm.Part) {
	switch {
	case rawjson.IsNull(value):
	case value[0] == '"':
		if s, _ := rawjson.String(value); s != "" {
			parts = append(parts, llm.Text{Text: s})
		}
	case value[0] == '{':
		parts = append(parts, llm.Text{Text: string(value)})
	case value[0] == '[':
		_ = rawjson.Array(value, func(i int, v []byte) bool { // its end has been found
			if p := r.part(at(path, i), v); p != nil {
				parts = append(parts, p)
			}
			return r.err == nil
		})
	default:
		r.fail(wrongType(path, "a string or an array"))
	}
	return parts
}

// part reads one content part; nil when it says nothing.
func (r *reader) part(path string, value []byte) llm.Part {
	if value[0] == '"' { // some clients send plain strings
		return textPart(llm.Text{Text: r.str(path, value)})
	}
	p := partMembers{value: map[string][]byte{}}
	kind := ""
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			kind, _ = rawjson.String(v)
		case "text", "refusal", "image_url", "input_audio", "file", "document_url", "document_name", "video_url", "thinking", "cache_control":
			if !rawjson.IsNull(v) {
				p.value[string(name)] = v
			}
		default:
			p.rest.add(name, v)
		}
		return true
	})
	if err != nil {
		r.fail(wrongType(path, "an object"))
		return nil
	}
	p.mark = r.mark(path, p.value["cache_control"])
	switch kind {
	case "text":
		return textPart(llm.Text{Text: r.str(path+".text", orEmpty(p.value["text"])), Mark: p.mark, Ext: p.rest.ext()})
	case "refusal":
		return textPart(llm.Text{Text: r.str(path+".refusal", orEmpty(p.value["refusal"])), Refusal: true, Mark: p.mark, Ext: p.rest.ext()})
	case "thinking":
		return thoughtPart(thinkingText(p.value["thinking"]))
	case "image_url", "document_url", "video_url":
		if m, ok := p.addressed(kind); ok {
			return m
		}
	case "input_audio":
		if m, ok := p.audio(); ok {
			return m
		}
	case "file":
		if m, ok := p.file(); ok {
			return m
		}
	}
	return llm.Opaque{From: own, Kind: kind, Raw: value}
}

func orEmpty(value []byte) []byte {
	if value == nil {
		return []byte(`""`)
	}
	return value
}

func textPart(t llm.Text) llm.Part {
	if t.Text == "" {
		return nil
	}
	return t
}

func thoughtPart(text string) llm.Part {
	if text == "" {
		return nil
	}
	return llm.Thought{Text: text}
}

// thinkingText joins the texts of a thinking part (Mistral): {"type":"thinking","thinking":[{"type":"text","text":…}]}.
func thinkingText(value []byte) (text string) {
	if s, ok := rawjson.String(value); ok {
		return s
	}
	_ = rawjson.Array(value, func(_ int, v []byte) bool {
		s, _ := rawjson.String(rawjson.Get(v, "text"))
		text += s
		return true
	})
	return text
}

// partMembers are the members of one part: those that mean something, and the rest.
type partMembers struct {
	value map[string][]byte
	mark  *llm.CacheMark
	rest  extra
}

// addressed reads a part whose member is {"url": …}, or the URL itself as with Mistral.
func (p *partMembers) addressed(member string) (m llm.Media, ok bool) {
	var rest extra
	m.Mark = p.mark
	target, ok := rawjson.String(p.value[member])
	if !ok {
		err := rawjson.Object(p.value[member], func(name, v []byte) bool {
			switch string(name) {
			case "url":
				target, ok = rawjson.String(v)
			case "detail":
				m.Detail, _ = rawjson.String(v)
			default:
				rest.add(name, v)
			}
			return true
		})
		ok = ok && err == nil
	}
	if !ok || !locate(&m, target) {
		return m, false
	}
	if m.Type == "" {
		m.Type = map[string]string{"image_url": "image/*", "document_url": "application/pdf", "video_url": "video/*"}[member]
	}
	m.Name, _ = rawjson.String(p.value["document_name"])
	if rest.raw != nil {
		p.rest.add([]byte(member), rest.raw)
	}
	m.Ext = p.rest.ext()
	return m, true
}

// locate puts the bytes of a data: URL into m, or the address.
func locate(m *llm.Media, target string) bool {
	rest, ok := strings.CutPrefix(target, "data:")
	if !ok {
		m.URL = target
		return target != ""
	}
	meta, data, ok := strings.Cut(rest, ",")
	if !ok {
		return false
	}
	mime, encoded := strings.CutSuffix(meta, ";base64")
	if !encoded {
		text, err := url.PathUnescape(data)
		m.Type, m.Data = mime, []byte(text)
		return err == nil
	}
	m.Type = mime
	return decode64(m, data)
}

func decode64(m *llm.Media, text string) bool {
	var err error
	if m.Data, err = base64.StdEncoding.DecodeString(text); err != nil {
		m.Data, err = base64.RawStdEncoding.DecodeString(text)
	}
	return err == nil && len(m.Data) > 0
}

// audioTypes are the words of input_audio.format and the media types they stand for.
var audioTypes = [...]struct{ format, mime string }{
	{"wav", "audio/wav"}, {"mp3", "audio/mpeg"}, {"flac", "audio/flac"}, {"ogg", "audio/ogg"}, {"opus", "audio/opus"},
	{"aac", "audio/aac"}, {"m4a", "audio/mp4"}, {"webm", "audio/webm"}, {"pcm16", "audio/pcm"}, {"aiff", "audio/aiff"},
}

// audio reads an input_audio part; Mistral gives the data, or an address, without the object around it.
func (p *partMembers) audio() (m llm.Media, ok bool) {
	value := p.value["input_audio"]
	text, ok := rawjson.String(value)
	if !ok {
		text, ok = rawjson.String(rawjson.Get(value, "data"))
	}
	if !ok || strings.Contains(text, "://") {
		return m, false
	}
	m.Mark, m.Ext = p.mark, p.rest.ext()
	format, _ := rawjson.String(rawjson.Get(value, "format"))
	for _, t := range audioTypes {
		if t.format == format {
			m.Type = t.mime
		}
	}
	if strings.HasPrefix(text, "data:") {
		return m, locate(&m, text)
	}
	return m, m.Type != "" && decode64(&m, text)
}

func (p *partMembers) file() (m llm.Media, ok bool) {
	m.Mark = p.mark
	var rest extra
	ok = true
	err := rawjson.Object(p.value["file"], func(name, v []byte) bool {
		switch s, _ := rawjson.String(v); string(name) {
		case "filename":
			m.Name = s
		case "file_id":
			m.FileID = s
		case "file_data":
			if s != "" {
				ok = locate(&m, s)
			}
		default:
			rest.add(name, v)
		}
		return ok
	})
	if rest.raw != nil {
		p.rest.add([]byte("file"), rest.raw)
	}
	m.Ext = p.rest.ext()
	return m, ok && err == nil && (m.FileID != "" || m.URL != "" || len(m.Data) > 0)
}
