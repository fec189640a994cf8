package rawjson

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
)

// Writer appends JSON and puts the commas. B may begin with anything that ends in a space, a colon or a line end, such as the
// "data: " of an event. The zero value begins a document.
type Writer struct {
	B []byte
	// Line leaves out the white space of raw values that have line ends in it, so that they fit on one line of an event stream.
	Line bool
}

// comma goes in front of whatever is not the first of its object or array, nor the value of a name.
func (w *Writer) comma() {
	if n := len(w.B); n > 0 {
		switch w.B[n-1] {
		case '{', '[', ':', ' ', '\n':
		default:
			w.B = append(w.B, ',')
		}
	}
}

// Open begins an object or an array: c is its bracket.
func (w *Writer) Open(c byte) {
	w.comma()
	w.B = append(w.B, c)
}

// Close ends what Open began.
func (w *Writer) Close(c byte) { w.B = append(w.B, c) }

// Name begins a member; its value comes next.
func (w *Writer) Name(s string) *Writer {
	w.comma()
	w.B = append(AppendQuote(w.B, s), ':')
	return w
}

// String writes a string value.
func (w *Writer) String(s string) {
	w.comma()
	w.B = AppendQuote(w.B, s)
}

// Int writes a number.
func (w *Writer) Int(n int64) {
	w.comma()
	w.B = strconv.AppendInt(w.B, n, 10)
}

// Float writes the shortest number that reads back as f.
func (w *Writer) Float(f float64) {
	w.comma()
	w.B = strconv.AppendFloat(w.B, f, 'g', -1, 64)
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	w.comma()
	w.B = strconv.AppendBool(w.B, v)
}

// Base64 writes bytes as a string of standard base64.
func (w *Writer) Base64(b []byte) {
	w.comma()
	w.B = append(w.B, '"')
	w.B = base64.StdEncoding.AppendEncode(w.B, b)
	w.B = append(w.B, '"')
}

// Raw writes a value as it is.
func (w *Writer) Raw(value []byte) {
	w.comma()
	if w.Line && bytes.ContainsAny(value, "\r\n") {
		w.B = appendTight(w.B, value)
		return
	}
	w.B = append(w.B, value...)
}

// Member writes a member whose value is a string.
func (w *Writer) Member(name, value string) { w.Name(name).String(value) }

// Some writes a member whose value is a string, unless it is empty.
func (w *Writer) Some(name, value string) {
	if value != "" {
		w.Member(name, value)
	}
}

// Rest writes the members of a raw object into the one that is open, but for those named. What is no object has none.
func (w *Writer) Rest(obj []byte, except ...string) {
	_ = Object(obj, func(name, value []byte) bool {
		if !slices.Contains(except, string(name)) {
			w.Name(string(name)).Raw(value)
		}
		return true
	})
}

// appendTight copies JSON without the white space between its tokens.
func appendTight(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		switch c := src[i]; c {
		case ' ', '\n', '\r', '\t':
			i++
		case '"':
			end := skipString(src, i)
			if end < 0 {
				end = len(src)
			}
			dst = append(dst, src[i:end]...)
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
