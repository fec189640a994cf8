package openaichat

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// writer appends JSON. A comma goes in front of whatever is not the first of its object or array.
type writer struct {
	b    []byte
	line bool // no line ends: it writes the data of an event
}

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		if c := w.b[n-1]; c != '{' && c != '[' && c != ':' && c != '\n' && c != ' ' {
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) open(c byte) {
	w.comma()
	w.b = append(w.b, c)
}

func (w *writer) close(c byte) { w.b = append(w.b, c) }

func (w *writer) name(s string) {
	w.comma()
	w.b = append(rawjson.AppendQuote(w.b, s), ':')
}

func (w *writer) text(s string) {
	w.comma()
	w.b = rawjson.AppendQuote(w.b, s)
}

func (w *writer) raw(value []byte) {
	w.comma()
	if w.line && bytes.ContainsAny(value, "\r\n") {
		compact := jsontext.Value(bytes.Clone(value))
		_ = compact.Compact() // not JSON: came so
		value = compact
	}
	w.b = append(w.b, value...)
}

func (w *writer) str(name, value string) { w.name(name); w.text(value) }

// some writes a string unless it is empty.
func (w *writer) some(name, value string) {
	if value != "" {
		w.str(name, value)
	}
}

func (w *writer) int(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) bool(name string, v bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) float(name string, f float64) {
	w.name(name)
	w.b = strconv.AppendFloat(w.b, f, 'g', -1, 64)
}

func (w *writer) value(name string, raw []byte) {
	w.name(name)
	w.raw(raw)
}

// ext writes the members that were kept for this dialect, except those that have a place of their own.
func (w *writer) ext(x llm.Ext, except ...string) {
	if x[own] == nil {
		return
	}
	_ = rawjson.Object(x[own], func(name, value []byte) bool { // extra.add wrote it
		if !slices.Contains(except, string(name)) {
			w.value(string(name), value)
		}
		return true
	})
}

// memberOf is what was kept inside one member of the object; nil for nothing.
func memberOf(x llm.Ext, name string) llm.Ext {
	if rest := rawjson.Get(x[own], name); rest != nil {
		return llm.Ext{own: rest}
	}
	return nil
}
