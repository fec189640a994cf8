// Package openaichat is the codec of OpenAI's Chat Completions, which many other providers speak with deviations: those that
// concern a whole provider are data in [llm.Quirks], and whatever else has been seen in recorded answers is accepted from
// everybody.
//
// The format says less than the model: one content, then one list of tool calls. The order of thoughts, text and calls within
// a turn is therefore thoughts, text, calls. Signed thoughts travel in reasoning_details (OpenRouter's member) and in
// extra_content.google.thought_signature (that of Google's OpenAI endpoint), since clients of those already send them back.
//
// Wire format: platform.openai.com/docs/api-reference/chat, openrouter.ai/docs and the recorded traffic, seen 2026-11.
package openaichat

import (
	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

const own = llm.OpenAIChat

// Codec translates Chat Completions. It has no state.
type Codec struct{}

var _ codec.Codec = Codec{}

// Dialect is the name under which the codec is known.
func (Codec) Dialect() llm.Dialect { return own }

// Path is the same for all models: the model is in the body.
func (Codec) Path(string, bool) (string, error) { return "/chat/completions", nil }

func badRequest(param, code, message string) *llm.Error {
	return &llm.Error{Class: llm.BadRequest, Code: code, Param: param, Message: message}
}

func wrongType(param, want string) *llm.Error {
	return badRequest(param, "invalid_type", param+" must be "+want)
}

// extra collects the members of one object that the model has no word for.
type extra struct{ raw []byte }

// add keeps a member. A null says nothing and is forgotten.
func (x *extra) add(name, value []byte) {
	if rawjson.IsNull(value) {
		return
	}
	if x.raw == nil {
		x.raw = append(make([]byte, 0, len(name)+len(value)+6), '{')
	} else {
		x.raw[len(x.raw)-1] = ','
	}
	x.raw = rawjson.AppendQuote(x.raw, string(name))
	x.raw = append(x.raw, ':')
	x.raw = append(x.raw, value...)
	x.raw = append(x.raw, '}')
}

func (x *extra) ext() llm.Ext {
	if x.raw == nil {
		return nil
	}
	return llm.Ext{own: x.raw}
}
