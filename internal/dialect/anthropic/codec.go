// Package anthropic is the codec of Anthropic's Messages API: requests, replies, streams and errors, in both directions.
//
// Start with codec.go for the list of what it does, then decode.go and encode.go for requests. What a model accepts differs
// by generation and is a table in model.go. The sources are Anthropic's API reference and guides (platform.claude.com, read
// 2026-11), its published schemas, and recorded traffic.
//
// The package knows nothing of HTTP beyond the status and headers of an error, nothing of providers beyond [llm.Quirks], and
// nothing of the other dialects.
package anthropic

import (
	"bytes"
	"errors"
	"strconv"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Codec translates between the Messages API and package llm. It has no state.
type Codec struct{}

const (
	own    = llm.Anthropic
	issuer = "anthropic" // of seals that came without our mark
)

// Dialect is "anthropic.messages".
func (Codec) Dialect() llm.Dialect { return own }

// Path is the same for all models, since the model is in the body. The base address ends in /v1.
func (Codec) Path(string, bool) (string, error) { return "/messages", nil }

// members calls f for each member of an object until it fails, and says where it did.
func members(doc []byte, f func(name, value []byte) error) (err error) {
	scan := rawjson.Object(doc, func(name, value []byte) bool {
		if err = f(name, value); err != nil {
			err = at(string(name), err)
		}
		return err == nil
	})
	if err == nil {
		err = scan
	}
	return err
}

// elements calls f for each element of an array until it fails, and says where it did.
func elements(doc []byte, f func(i int, value []byte) error) (err error) {
	scan := rawjson.Array(doc, func(i int, value []byte) bool {
		if err = f(i, value); err != nil {
			err = at(strconv.Itoa(i), err)
		}
		return err == nil
	})
	if err == nil {
		err = scan
	}
	return err
}

// fault is what is wrong at a place of a document: messages.0.content.1.text.
type fault struct{ path, what string }

func (f *fault) Error() string { return f.path + ": " + f.what }

// at puts a name in front of the place.
func at(name string, err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return &fault{path: name + "." + f.path, what: f.what}
	}
	return &fault{path: name, what: err.Error()}
}

// keep copies a raw value, so that nothing holds on to the buffer of a body or frame.
func keep(raw []byte) []byte { return bytes.Clone(raw) }

// extras collects the members of one object that the model has no word for, in their order.
type extras struct{ b []byte }

func (x *extras) add(name, value []byte) {
	if x.b == nil {
		x.b = append(x.b, '{')
	} else {
		x.b = append(x.b, ',')
	}
	x.b = append(rawjson.AppendQuote(x.b, string(name)), ':')
	x.b = append(x.b, value...)
}

func (x *extras) ext() llm.Ext {
	if x.b == nil {
		return nil
	}
	return llm.Ext{own: append(x.b, '}')}
}
