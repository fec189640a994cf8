// Package gemini speaks Google's generateContent and streamGenerateContent (Gemini API v1beta; Vertex AI answers in the same
// shape).
//
// What is peculiar to the dialect: the model and the choice to stream are in the URL, not in the body; protobuf's JSON mapping
// accepts snake_case beside camelCase and numbers for the words of an enum; a function call may lack an id; the state of the
// model's thinking travels as signatures on any part; a finished stream has no terminator; and thoughts are counted outside
// of the candidates' tokens.
//
// The package is pure: bytes in, model out, and back. It knows nothing of URLs beyond the path, of keys, of time.
package gemini

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// issuer is whose seals the dialect's signatures are, unless a provider says otherwise.
const issuer = "google"

// Codec is the dialect.
type Codec struct{}

// Dialect names it.
func (Codec) Dialect() llm.Dialect { return llm.Gemini }

// Path is the method's URL path below a base address that ends in the version. "models/x" and "tunedModels/x" keep their
// collection; anything that could lead out of it is refused.
func (Codec) Path(model string, stream bool) (string, error) {
	collection, name := "models", model
	if c, n, ok := strings.Cut(model, "/"); ok && (c == "models" || c == "tunedModels") {
		collection, name = c, n
	}
	if name == "" || strings.Contains(name, "..") || strings.ContainsAny(name, `?#%\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", bad("model", "invalid_model", "the model's name cannot be part of a Gemini URL")
	}
	// A colon would begin the method's name.
	name = strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
	if stream {
		return "/" + collection + "/" + name + ":streamGenerateContent?alt=sse", nil
	}
	return "/" + collection + "/" + name + ":generateContent", nil
}

// Head reads what routing and limits need. Model and Stream stay empty: they are in the URL. A member that is there in both
// spellings is refused, so that a limit can never be checked against one and the model be given the other.
func (Codec) Head(body []byte) (llm.Head, error) {
	head := llm.Head{N: 1, Usage: true}
	if err := rawjson.Check(body); err != nil {
		return head, invalidJSON(err)
	}
	var wrong error
	is := func(ok bool, param, what string) {
		if !ok && wrong == nil {
			wrong = bad(param, "invalid_type", param+" must be "+what)
		}
	}
	count := func(value []byte, param string, f func(item []byte)) int {
		n := 0
		is(list(value, func(_ int, item []byte) { n++; f(item) }) == nil, param, "an array of objects")
		return n
	}
	err := members(body, func(name, value []byte) {
		switch string(name) {
		case "contents":
			head.Messages = count(value, "contents", func([]byte) {})
			head.Media = hasMedia(value)
		case "tools":
			count(value, "tools", func(tool []byte) { head.Tools += countTools(tool) })
		case "generationConfig":
			var ok bool
			err := members(value, func(name, value []byte) {
				switch string(name) {
				case "maxOutputTokens":
					head.MaxTokens, ok = whole(value)
					is(ok && head.MaxTokens >= 0, "generationConfig.maxOutputTokens", "a whole number")
				case "candidateCount":
					head.N, ok = whole(value)
					is(ok && head.N >= 0, "generationConfig.candidateCount", "a whole number")
				}
			})
			if wrong == nil && err != nil {
				wrong = invalid("generationConfig", err)
			}
		}
	})
	if err != nil {
		return head, invalid("", err)
	}
	head.N = max(head.N, 1) // 0 is protobuf's "not said"
	return head, wrong
}

func hasMedia(contents []byte) bool {
	for _, name := range [...]string{`"inlineData"`, `"fileData"`, `"inline_data"`, `"file_data"`} {
		if bytes.Contains(contents, []byte(name)) {
			return true
		}
	}
	return false
}

func countTools(tool []byte) (n int) {
	_ = members(tool, func(name, value []byte) {
		if string(name) != "functionDeclarations" {
			n++
			return
		}
		_ = list(value, func(int, []byte) { n++ })
	})
	return n
}

// Patch changes nothing: the model is in the URL, and usage is always reported.
func (Codec) Patch(body []byte, _ *llm.Head, _ llm.Target) ([]byte, error) { return body, nil }

func bad(param, code, message string) *llm.Error {
	return &llm.Error{Class: llm.BadRequest, Code: code, Param: param, Message: message}
}

func invalidJSON(err error) *llm.Error {
	return bad("", "invalid_json", fmt.Sprintf("the request is not valid JSON: %v", err))
}

// invalid reports a member that has not the shape it must have.
func invalid(param string, err error) *llm.Error {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e
	}
	message := fmt.Sprintf("the request cannot be read: %v", err)
	if param != "" {
		message = fmt.Sprintf("%s cannot be read: %v", param, err)
	}
	return bad(param, "invalid_request", message)
}
