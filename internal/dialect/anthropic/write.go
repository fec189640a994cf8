package anthropic

import (
	"strconv"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// writer appends JSON and puts the commas.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

// open begins an element of an array, or the document.
func (w *writer) open(c byte) {
	w.comma()
	w.b = append(w.b, c)
}

func (w *writer) close(c byte) { w.b = append(w.b, c) }

func (w *writer) key(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// member begins a member whose value is an object or array.
func (w *writer) member(name string, c byte) {
	w.key(name)
	w.b = append(w.b, c)
}

func (w *writer) str(name, value string) {
	w.key(name)
	w.b = rawjson.AppendQuote(w.b, value)
}

func (w *writer) raw(name string, value []byte) {
	w.key(name)
	w.b = append(w.b, value...)
}

func (w *writer) element(value []byte) {
	w.comma()
	w.b = append(w.b, value...)
}

func (w *writer) int(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) float(name string, f float64) {
	w.key(name)
	w.b = strconv.AppendFloat(w.b, f, 'g', -1, 64)
}

func (w *writer) bool(name string, v bool) {
	w.key(name)
	w.b = strconv.AppendBool(w.b, v)
}

// ext writes our own kept members, except those that the caller writes itself.
func (w *writer) ext(x llm.Ext, except func(name string) bool) {
	raw := x[own]
	if len(raw) == 0 {
		return
	}
	// What is in an Ext was an object when it was kept; a user's own extra fields are checked where they come in.
	_ = rawjson.Object(raw, func(name, value []byte) bool {
		if except == nil || !except(string(name)) {
			w.comma()
			w.b = append(rawjson.AppendQuote(w.b, string(name)), ':')
			w.b = append(w.b, value...)
		}
		return true
	})
}
