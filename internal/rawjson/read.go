package rawjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Object calls f with the name and the raw value of each member of the object doc, in order, until f returns false. Names
// without escapes are slices of doc. It allocates nothing, and checks no more of the values than it needs to find their end.
func Object(doc []byte, f func(name, value []byte) bool) error {
	i := space(doc, 0)
	if i >= len(doc) || doc[i] != '{' {
		return &Error{Offset: i, What: "expected an object"}
	}
	for i = space(doc, i+1); i < len(doc) && doc[i] != '}'; {
		end := skipString(doc, i)
		if end < 0 {
			return &Error{Offset: i, What: "expected a member name"}
		}
		name := doc[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			text, _ := Unquote(doc[i:end])
			name = []byte(text)
		}
		if i = space(doc, end); i >= len(doc) || doc[i] != ':' {
			return &Error{Offset: i, What: "expected ':'"}
		}
		from := space(doc, i+1)
		if i = skip(doc, from); i <= from {
			return &Error{Offset: from, What: "expected a value"}
		}
		if !f(name, doc[from:i]) {
			return nil
		}
		if i = space(doc, i); i < len(doc) && doc[i] == ',' {
			i = space(doc, i+1)
		} else if i < len(doc) && doc[i] != '}' {
			return &Error{Offset: i, What: "expected ',' or '}'"}
		}
	}
	if i >= len(doc) {
		return &Error{Offset: i, What: "unexpected end of the document"}
	}
	return nil
}

// Array calls f with each raw element of the array doc, in order, until f returns false.
func Array(doc []byte, f func(i int, value []byte) bool) error {
	i := space(doc, 0)
	if i >= len(doc) || doc[i] != '[' {
		return &Error{Offset: i, What: "expected an array"}
	}
	i = space(doc, i+1)
	for n := 0; i < len(doc) && doc[i] != ']'; n++ {
		from := i
		if i = skip(doc, from); i <= from {
			return &Error{Offset: from, What: "expected a value"}
		}
		if !f(n, doc[from:i]) {
			return nil
		}
		if i = space(doc, i); i < len(doc) && doc[i] == ',' {
			i = space(doc, i+1)
		} else if i < len(doc) && doc[i] != ']' {
			return &Error{Offset: i, What: "expected ',' or ']'"}
		}
	}
	if i >= len(doc) {
		return &Error{Offset: i, What: "unexpected end of the document"}
	}
	return nil
}

// Get follows names through nested objects and returns the raw value, nil when there is none.
func Get(doc []byte, names ...string) []byte {
	for _, want := range names {
		var found []byte
		err := Object(doc, func(name, value []byte) bool {
			if string(name) == want {
				found = value
			}
			return found == nil
		})
		if err != nil || found == nil {
			return nil
		}
		doc = found
	}
	return doc
}

// IsNull tells whether a value is absent or null.
func IsNull(value []byte) bool { return len(value) == 0 || value[0] == 'n' }

// Int reads a number without fraction; 0 and false for anything else.
func Int(value []byte) (int64, bool) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err == nil {
		return n, true
	}
	// Some providers spell token counts as 12.0 or 1e3.
	if f, err := strconv.ParseFloat(string(value), 64); err == nil && f == float64(int64(f)) {
		return int64(f), true
	}
	return 0, false
}

// String reads a string value; "" and false for anything else. Lone surrogates become U+FFFD.
func String(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	text, _ := Unquote(value)
	return text, true
}

// Unquote reads a quoted string that is known to be well-formed. It reports false when a surrogate stands alone, which is
// replaced by U+FFFD.
func Unquote(quoted []byte) (text string, ok bool) {
	in := quoted[1 : len(quoted)-1]
	out := make([]byte, 0, len(in))
	ok = true
	for len(in) > 0 {
		i := bytes.IndexByte(in, '\\')
		if i < 0 {
			break
		}
		out = append(out, in[:i]...)
		in = in[i:]
		if escape(in) == 0 {
			return string(out), false
		}
		if in[1] != 'u' {
			out = append(out, unescaped(in[1]))
			in = in[2:]
			continue
		}
		r := hex4(in[2:])
		in = in[6:]
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if len(in) >= 6 && escape(in) == 6 {
				low = hex4(in[2:])
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				ok = false
			} else {
				in = in[6:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return string(append(out, in...)), ok
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		default:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}

// skipString returns the index behind the string that starts at i, -1 when none does. A quote ends it unless an odd number of
// backslashes stands before; nothing else in it is looked at, which is what makes long prompts cheap.
func skipString(doc []byte, i int) int {
	if i >= len(doc) || doc[i] != '"' {
		return -1
	}
	for from := i + 1; ; {
		n := bytes.IndexByte(doc[from:], '"')
		if n < 0 {
			return -1
		}
		quote := from + n
		slash := quote
		for slash > from && doc[slash-1] == '\\' {
			slash--
		}
		if from = quote + 1; (quote-slash)%2 == 0 {
			return from
		}
	}
}

// skip returns the index behind the value that starts at i; i itself, or less, when there is none.
func skip(doc []byte, i int) int {
	for depth := 0; i < len(doc); {
		switch doc[i] {
		case '"':
			if i = skipString(doc, i); i < 0 || depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	if i == len(doc) && i > 0 {
		if c := doc[i-1]; c != '}' && c != ']' && c != ',' && c != ':' && c != '{' && c != '[' {
			return i // a number or word that ends with the document
		}
	}
	return -1
}
