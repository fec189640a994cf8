package gemini

import (
	"net/http"
	"path"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// skipSignature is what Google documents for calls that no Gemini made (ai.google.dev/gemini-api/docs/thought-signatures, FAQ,
// seen 2026-11-24): Gemini 3 refuses a turn whose first call has no signature.
const skipSignature = "skip_thought_signature_validator"

// partWriter writes parts, in requests and in replies alike.
type partWriter struct {
	w        *rawjson.Writer
	lose     func(path, why string, grave bool)
	seal     func(*llm.Seal) string // the signature to write; "" for none
	request  bool
	unsigned bool // the next call gets the signature that skips validation
}

// part writes one part. What cannot be said was taken out before, or is lost here and nothing is written.
func (pw *partWriter) part(p llm.Part, at string) {
	w := pw.w
	switch p := p.(type) {
	case llm.Text:
		w.Open('{')
		w.Name("text")
		w.String(p.Text)
		pw.close(p.Ext, pw.sealed(p.Seal, at), at)
		pw.mark(p.Mark, at)
		if pw.request && len(p.Cites) > 0 {
			pw.lose(at+".citations", "requests have no place for citations", false)
		}
	case llm.Thought:
		w.Open('{')
		if !p.Redacted {
			w.Name("text")
			w.String(p.Text)
		}
		w.Name("thought")
		w.Bool(true)
		pw.close(p.Ext, pw.seal(p.Seal), at)
	case llm.Call:
		pw.call(p, at)
	case llm.Result:
		pw.result(p, at)
	case llm.Media:
		pw.media(p, at)
	case llm.Opaque:
		w.Raw(p.Raw)
	}
}

// sealed is the signature to write; one that the target would not know is lost.
func (pw *partWriter) sealed(s *llm.Seal, at string) string {
	signature := pw.seal(s)
	if s != nil && signature == "" {
		pw.lose(at+".signature", "issued by "+s.Issuer, false)
	}
	return signature
}

// close ends a part: signature, then what only Gemini has a word for.
func (pw *partWriter) close(ext llm.Ext, signature, at string, except ...string) {
	pw.w.Some("thoughtSignature", signature)
	pw.w.Rest(ext[llm.Gemini], except...)
	pw.w.Close('}')
	if len(ext) > 0 {
		for _, l := range ext.Losses(nil, llm.Gemini, at) {
			pw.lose(l.Path, l.Why, l.Grave)
		}
	}
}

func (pw *partWriter) mark(m *llm.CacheMark, at string) {
	if m != nil {
		pw.lose(at+".cache_control", noMarks, false)
	}
}

func (pw *partWriter) call(c llm.Call, at string) {
	w := pw.w
	w.Open('{')
	w.Name("functionCall")
	w.Open('{')
	w.Some("id", c.ID)
	w.Some("name", c.Name)
	w.Name("args")
	args := jsontext.Value(strings.TrimSpace(c.Args))
	switch {
	case len(args) == 0 || string(args) == "null": // some models say null for none
		w.Raw([]byte("{}"))
	case c.Custom:
		pw.lose(at+".arguments", "free text; sent as a member of an object", false)
		w.Open('{')
		w.Some("input", c.Args)
		w.Close('}')
	case args.Kind() == '{' && rawjson.Check(args) == nil:
		w.Raw(args)
	default:
		// The model's own mistake, kept so that it can see it.
		pw.lose(at+".arguments", "the arguments are not a JSON object; sent as text", false)
		w.Open('{')
		w.Some("arguments", c.Args)
		w.Close('}')
	}
	w.Rest(rawjson.Get(c.Ext[llm.Gemini], "functionCall"))
	w.Close('}')
	signature := pw.sealed(c.Seal, at)
	if signature == "" && pw.unsigned {
		signature = skipSignature
	}
	pw.unsigned = false
	pw.close(c.Ext, signature, at, "functionCall")
	pw.mark(c.Mark, at)
}

func (pw *partWriter) result(r llm.Result, at string) {
	w := pw.w
	w.Open('{')
	w.Name("functionResponse")
	w.Open('{')
	w.Some("id", r.CallID)
	w.Some("name", r.Name)
	var said []string
	var media []llm.Media
	for _, p := range r.Parts {
		switch p := p.(type) {
		case llm.Text:
			said = append(said, p.Text)
			pw.mark(p.Mark, at)
		case llm.Media:
			media = append(media, p)
		case llm.Thought, llm.Call, llm.Result, llm.Opaque: // encoder.result has taken them out
		}
	}
	w.Name("response")
	writeResponse(w, strings.Join(said, "\n"), r.Failed)
	if len(media) > 0 {
		w.Name("parts")
		w.Open('[')
		for _, m := range media {
			pw.media(m, at)
		}
		w.Close(']')
	}
	w.Rest(rawjson.Get(r.Ext[llm.Gemini], "functionResponse"))
	w.Close('}')
	pw.close(r.Ext, "", at, "functionResponse")
	pw.mark(r.Mark, at)
}

func (pw *partWriter) media(m llm.Media, at string) {
	w := pw.w
	kind := "fileData"
	if len(m.Data) > 0 {
		kind = "inlineData"
	}
	w.Open('{')
	w.Name(kind)
	w.Open('{')
	w.Some("mimeType", mimeType(m))
	if m.Name != "" && pw.request { // "displayName parameter is not supported in Gemini API" (googleapis/js-genai issue 1369)
		pw.lose(at+".filename", "media have no names in Gemini's requests", false)
	} else {
		w.Some("displayName", m.Name)
	}
	if kind == "inlineData" {
		w.Name("data")
		w.Base64(m.Data)
	} else {
		w.Some("fileUri", m.URL+m.FileID)
	}
	w.Rest(rawjson.Get(m.Ext[llm.Gemini], kind))
	w.Close('}')
	pw.close(m.Ext, "", at, kind)
	pw.mark(m.Mark, at)
	if m.Detail != "" && m.Detail != "auto" && pw.request {
		pw.lose(at+".detail", "no counterpart in Gemini", false)
	}
}

// extensions name the types of addresses that come without one; Gemini wants to be told.
var extensions = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".heic": "image/heic",
	".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".csv": "text/csv", ".html": "text/html", ".json": "application/json",
	".mp3": "audio/mp3", ".wav": "audio/wav", ".ogg": "audio/ogg", ".flac": "audio/flac", ".mp4": "video/mp4", ".mov": "video/mov", ".webm": "video/webm",
}

func mimeType(m llm.Media) string {
	switch {
	case m.Type != "" && !strings.HasSuffix(m.Type, "/*"):
		return m.Type
	case len(m.Data) > 0:
		kind, _, _ := strings.Cut(http.DetectContentType(m.Data), ";")
		return kind
	}
	address, _, _ := strings.Cut(m.URL, "?")
	return extensions[strings.ToLower(path.Ext(address))]
}
