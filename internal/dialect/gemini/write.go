package gemini

import (
	"encoding/base64"
	"slices"
	"strconv"

	"tidegate/internal/rawjson"
)

// writer appends JSON; it puts the commas.
type writer struct {
	b     []byte
	tight bool // raw values lose their white space, so that they fit on a line of an event stream
}

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', ' ':
		default:
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

func (w *writer) str(s string) {
	w.comma()
	w.b = rawjson.AppendQuote(w.b, s)
}

func (w *writer) int(n int64) {
	w.comma()
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) float(f float64) {
	w.comma()
	w.b = strconv.AppendFloat(w.b, f, 'g', -1, 64)
}

func (w *writer) bool(v bool) {
	w.comma()
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) base64(b []byte) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = base64.StdEncoding.AppendEncode(w.b, b)
	w.b = append(w.b, '"')
}

func (w *writer) raw(value []byte) {
	w.comma()
	if w.tight {
		w.b = appendTight(w.b, value)
	} else {
		w.b = append(w.b, value...)
	}
}

// member writes a string member, unless it is empty.
func (w *writer) member(name, value string) {
	if value != "" {
		w.name(name)
		w.str(value)
	}
}

// rest writes the members of a raw object into the one that is open, but for those named.
func (w *writer) rest(obj []byte, except ...string) {
	_ = rawjson.Object(obj, func(name, value []byte) bool {
		if slices.Contains(except, string(name)) {
			return true
		}
		w.name(string(name))
		w.raw(value)
		return true
	})
}

// appendTight copies JSON without the white space between its tokens.
func appendTight(dst, src []byte) []byte {
	quoted := false
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case quoted && c == '\\' && i+1 < len(src):
			dst = append(dst, c)
			i++
			c = src[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
