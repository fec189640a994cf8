package openaichat

import (
	"strings"
	"unicode/utf8"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// speech is what an assistant's message says, in requests and replies alike.
type speech struct {
	content, refusal, reasoning, details, calls, legacy, audio, annotations, images, google []byte
	rest                                                                                    extra
}

// take keeps a member that it knows and tells whether it did.
func (s *speech) take(name, value []byte) bool {
	switch string(name) {
	case "content":
		s.content = value
	case "refusal":
		s.refusal = value
	case "reasoning_content":
		if !rawjson.IsNull(value) {
			s.reasoning = value
		}
	case "reasoning":
		if s.reasoning == nil {
			s.reasoning = value
		}
	case "reasoning_details":
		s.details = value
	case "tool_calls":
		s.calls = value
	case "function_call":
		s.legacy = value
	case "audio":
		s.audio = value
	case "annotations":
		s.annotations = value
	case "images":
		s.images = value
	case "extra_content":
		s.google = rawjson.Get(value, "google", "thought_signature")
		if s.google == nil {
			s.rest.add(name, value)
		}
	default:
		return false
	}
	return true
}

// parts puts the message in order: thoughts, content, refusal, images, audio, calls. callID makes the id of the n-th call that
// has none.
func (s *speech) parts(r *reader, path string, seals sealer, callID func(n int) string) []llm.Part {
	parts := thoughts(s.reasoning, s.details, seals)
	from := len(parts)
	parts = append(parts, r.content(path+".content", s.content)...)
	s.cite(parts[from:])
	if text, _ := rawjson.String(s.refusal); text != "" {
		parts = append(parts, llm.Text{Text: text, Refusal: true})
	}
	parts = append(parts, r.content(path+".images", s.images)...)
	if spoken(s.audio) {
		parts = append(parts, llm.Opaque{From: own, Kind: "audio", Raw: s.audio})
	}
	if !rawjson.IsNull(s.calls) {
		n := 0
		if err := rawjson.Array(s.calls, func(i int, v []byte) bool {
			c := r.call(at(path+".tool_calls", i), v)
			if c.ID == "" {
				c.ID = callID(n)
			}
			n++
			parts = append(parts, c)
			return r.err == nil
		}); err != nil {
			r.fail(wrongType(path+".tool_calls", "an array"))
		}
	}
	if c, ok := legacyCall(s.legacy); ok {
		c.ID = callID(0)
		parts = append(parts, c)
	}
	return parts
}

// spoken tells whether there is audio: some providers write the object with nothing in it.
func spoken(audio []byte) bool {
	id, _ := rawjson.String(rawjson.Get(audio, "id"))
	data, _ := rawjson.String(rawjson.Get(audio, "data"))
	return id != "" || data != ""
}

// cite gives the message's annotations and its signature to its last text; without a text they stay where they were.
func (s *speech) cite(parts []llm.Part) {
	for i := len(parts) - 1; i >= 0; i-- {
		t, ok := parts[i].(llm.Text)
		if !ok {
			continue
		}
		t.Cites = citations(s.annotations, t.Text)
		if text, ok := rawjson.String(s.google); ok {
			t.Seal = llm.Unwrap(text, "google")
		}
		parts[i] = t
		return
	}
	if count(s.annotations) > 0 {
		s.rest.add([]byte("annotations"), s.annotations)
	}
}

// citations reads annotations. OpenAI counts characters; text, when given, turns them into bytes.
func citations(annotations []byte, text string) (all []llm.Citation) {
	if rawjson.IsNull(annotations) {
		return nil
	}
	_ = rawjson.Array(annotations, func(_ int, v []byte) bool {
		c := llm.Citation{From: own, Raw: v}
		from, to := int64(0), int64(0)
		_ = rawjson.Object(rawjson.Get(v, "url_citation"), func(name, v []byte) bool {
			switch string(name) {
			case "url":
				c.URL, _ = rawjson.String(v)
			case "title":
				c.Title, _ = rawjson.String(v)
			case "content":
				c.Text, _ = rawjson.String(v)
			case "start_index":
				from, _ = rawjson.Int(v)
			case "end_index":
				to, _ = rawjson.Int(v)
			}
			return true
		})
		if text != "" && from < to {
			c.Start, c.End = byteOffset(text, from), byteOffset(text, to)
		}
		all = append(all, c)
		return true
	})
	return all
}

func byteOffset(text string, chars int64) int {
	for i := range text {
		if chars <= 0 {
			return i
		}
		chars--
	}
	return len(text)
}

func charOffset(text string, bytes int) int64 {
	return int64(utf8.RuneCountInString(text[:max(0, min(bytes, len(text)))]))
}

// call reads one tool call.
func (r *reader) call(path string, value []byte) llm.Call {
	var c llm.Call
	var rest extra
	var function, custom []byte
	kind := ""
	err := rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "id":
			c.ID, _ = rawjson.String(v)
		case "type":
			kind, _ = rawjson.String(v)
		case "function":
			function = v
		case "custom":
			custom = v
		case "index":
		case "cache_control":
			c.Mark = r.mark(path, v)
		case "extra_content":
			if s, ok := rawjson.String(rawjson.Get(v, "google", "thought_signature")); ok {
				c.Seal = llm.Unwrap(s, "google")
			} else {
				rest.add(name, v)
			}
		default:
			rest.add(name, v)
		}
		return true
	})
	inner := function
	if kind == "custom" || function == nil {
		inner, c.Custom = custom, custom != nil
	}
	if err != nil || inner == nil {
		r.fail(badRequest(path, "invalid_value", path+" must be an object with a function"))
		return c
	}
	callBody(&c, inner)
	c.Ext = rest.ext()
	return c
}

// callBody reads name and arguments. Arguments that came as an object, against the format, are taken as its text.
func callBody(c *llm.Call, value []byte) {
	_ = rawjson.Object(value, func(name, v []byte) bool {
		switch string(name) {
		case "name":
			c.Name, _ = rawjson.String(v)
		case "arguments", "input":
			var ok bool
			if c.Args, ok = rawjson.String(v); !ok && !rawjson.IsNull(v) {
				c.Args = strings.TrimSpace(string(v))
			}
		}
		return true
	})
}

// legacyCall reads function_call, the one call of a message before 2023; some providers write it empty beside tool_calls.
func legacyCall(value []byte) (c llm.Call, ok bool) {
	if rawjson.IsNull(value) {
		return c, false
	}
	callBody(&c, value)
	return c, c.Name != ""
}
