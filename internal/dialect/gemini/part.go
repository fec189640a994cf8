package gemini

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// partFields are the members of one Part, unread.
type partFields struct {
	text    []byte // nil when absent
	thought bool
	seal    []byte
	kind    string // of data
	data    []byte
	rest    extra
}

func (f *partFields) read(raw []byte) error {
	return members(raw, func(name, value []byte) {
		switch string(name) {
		case "text":
			f.text = value
		case "thought":
			f.thought = isTrue(value)
		case "thoughtSignature":
			f.seal = value
		case "functionCall":
			f.kind, f.data = "functionCall", value
		case "functionResponse":
			f.kind, f.data = "functionResponse", value
		case "inlineData":
			f.kind, f.data = "inlineData", value
		case "fileData":
			f.kind, f.data = "fileData", value
		case "videoMetadata", "mediaResolution", "partMetadata":
			f.rest.add(name, value)
		default: // executableCode, codeExecutionResult, toolCall, toolResponse and whatever Google adds
			f.kind, f.data = string(name), nil
		}
	})
}

// part reads the part; nil when it says nothing. Errors are texts for the caller.
func (f *partFields) part(raw []byte, own string) (llm.Part, error) {
	switch {
	case f.kind == "functionCall":
		return f.call(own)
	case f.kind == "functionResponse":
		return f.result()
	case f.kind == "inlineData" && !f.thought, f.kind == "fileData" && !f.thought:
		return f.media()
	case f.kind != "": // images drawn while thinking are no answer either
		return llm.Opaque{From: llm.Gemini, Kind: f.kind, Raw: bytes.Clone(raw)}, nil
	}
	said, seal := text(f.text), unseal(f.seal, own)
	switch {
	case said == "" && seal == nil:
		return nil, nil
	case f.thought:
		return llm.Thought{Text: said, Redacted: f.text == nil, Seal: seal, Ext: f.rest.ext()}, nil
	}
	return llm.Text{Text: said, Seal: seal, Ext: f.rest.ext()}, nil
}

func (f *partFields) call(own string) (llm.Part, error) {
	c := llm.Call{Seal: unseal(f.seal, own)}
	var inner extra
	err := members(f.data, func(name, value []byte) {
		switch string(name) {
		case "id":
			c.ID = text(value)
		case "name":
			c.Name = text(value)
		case "args":
			c.Args = string(value)
		default:
			inner.add(name, value)
		}
	})
	f.rest.nest("functionCall", &inner)
	c.Ext = f.rest.ext()
	return c, err
}

func (f *partFields) media() (llm.Part, error) {
	var m llm.Media
	var inner extra
	var encoded []byte
	err := members(f.data, func(name, value []byte) {
		switch string(name) {
		case "mimeType":
			m.Type = text(value)
		case "displayName":
			m.Name = text(value)
		case "data":
			encoded = value
		case "fileUri":
			if uri := text(value); strings.Contains(uri, "://") && !strings.HasPrefix(uri, filesAPI) {
				m.URL = uri
			} else {
				m.FileID = uri
			}
		default:
			inner.add(name, value)
		}
	})
	if err != nil {
		return nil, err
	}
	if encoded != nil {
		var ok bool
		if m.Data, ok = data(encoded); !ok {
			return nil, errors.New("data is not base64")
		}
	}
	if m.Type == "" && (strings.Contains(m.URL, "://www.youtube.com/") || strings.Contains(m.URL, "://youtu.be/")) {
		m.Type = "video/*" // which Gemini knows without being told
	}
	f.rest.nest(f.kind, &inner)
	m.Ext = f.rest.ext()
	return m, nil
}

// filesAPI begins the addresses of files that were uploaded to Google: only Google can read them.
const filesAPI = "https://generativelanguage.googleapis.com/"

// Results. A function's result must be an object on this wire, and is whatever the tool printed in the neutral model. Google's
// documentation of FunctionResponse.response (seen 2026-11-24) leaves the key to the caller, names "output" and "result" for
// results and "error" for failures; recorded clients wrap in result, output or error, or pass the tool's own object. So:
//
//   - an object with one of these three as its only member is a wrapping and is taken off,
//   - any other object is the tool's own and stays as it is, as JSON text,
//   - a text that is a JSON object goes out as that object, unless it looks like a wrapping or a number in it is more than
//     protobuf's doubles can hold; a text that is an array is wrapped as that array; all else is wrapped as a string, since
//     "1.10" may be a version and "007" a name.

const (
	resultKey = "result"
	errorKey  = "error"
	outputKey = "output"
)

// result reads a functionResponse.
func (f *partFields) result() (llm.Part, error) {
	var r llm.Result
	var inner extra
	var response, parts []byte
	err := members(f.data, func(name, value []byte) {
		switch string(name) {
		case "id":
			r.CallID = text(value)
		case "name":
			r.Name = text(value)
		case "response":
			response = value
		case "parts":
			parts = value
		default:
			inner.add(name, value)
		}
	})
	if err != nil {
		return nil, err
	}
	said, failed := unwrap(response)
	if r.Failed = failed; said != "" {
		r.Parts = append(r.Parts, llm.Text{Text: said})
	}
	if parts != nil {
		listErr := list(parts, func(_ int, raw []byte) {
			var g partFields
			e := g.read(raw)
			p, e2 := g.part(raw, issuer)
			if err = errors.Join(err, e, e2); p != nil {
				r.Parts = append(r.Parts, p)
			}
		})
		err = errors.Join(err, listErr)
	}
	f.rest.nest("functionResponse", &inner)
	r.Ext = f.rest.ext()
	return r, err
}

// unwrap reads a response object as the text that the tool gave.
func unwrap(response []byte) (said string, failed bool) {
	key, value := wrapping(response)
	if key == "" {
		return string(response), false
	}
	if s, ok := rawjson.String(value); ok {
		return s, key == errorKey
	}
	return string(value), key == errorKey
}

// wrapping returns the only member of an object, if it is one that wraps results.
func wrapping(obj []byte) (key string, value []byte) {
	n := 0
	err := rawjson.Object(obj, func(name, v []byte) bool {
		n++
		switch string(name) {
		case resultKey, errorKey, outputKey:
			key, value = string(name), v
		}
		return true
	})
	if err != nil || n != 1 || value == nil {
		return "", nil
	}
	return key, value
}

// writeResponse writes the text of a tool as a response object.
func writeResponse(w *rawjson.Writer, said string, failed bool) {
	doc := jsontext.Value(strings.TrimSpace(said))
	kind := doc.Kind()
	if kind != '{' && kind != '[' || !exact(doc) {
		kind = '"'
	}
	if key, _ := wrapping(doc); kind == '{' && !failed && key == "" {
		w.Raw(doc)
		return
	}
	w.Open('{')
	if failed {
		w.Name(errorKey)
	} else {
		w.Name(resultKey)
	}
	if kind == '"' {
		w.String(said)
	} else {
		w.Raw(doc)
	}
	w.Close('}')
}

// exact tells whether a document survives protobuf's Struct: it is valid, and no number has more digits than a double.
func exact(doc []byte) bool {
	if rawjson.Check(doc) != nil {
		return false
	}
	quoted, digits := false, 0
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && ('0' <= c && c <= '9' || c == '.'):
			if digits++; digits > 16 {
				return false
			}
			continue
		}
		digits = 0
	}
	return true
}
