package gemini

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// members calls f for the members of a protobuf message, with names in camelCase. Null is protobuf's "not set". A member in
// both spellings is an *llm.Error, which comes after the calls.
func members(doc []byte, f func(name, value []byte)) error {
	var snake map[string]bool
	var twice string
	err := rawjson.Object(doc, func(name, value []byte) bool {
		if rawjson.IsNull(value) {
			return true
		}
		if bytes.IndexByte(name, '_') > 0 {
			name = camel(name)
			if snake == nil {
				snake = map[string]bool{}
			}
			if snake[string(name)] {
				twice = string(name)
			}
			snake[string(name)] = true
		}
		f(name, value)
		return true
	})
	if err != nil {
		return err
	}
	if snake != nil {
		_ = rawjson.Object(doc, func(name, value []byte) bool {
			if snake[string(name)] && !rawjson.IsNull(value) {
				twice = string(name)
			}
			return true
		})
	}
	if twice != "" {
		return bad(twice, "duplicate_member", twice+" is given in both spellings")
	}
	return nil
}

// camel spells a snake_case name in camelCase.
func camel(name []byte) []byte {
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if c := name[i]; c != '_' || i+1 == len(name) || name[i+1] < 'a' || name[i+1] > 'z' {
			out = append(out, c)
			continue
		}
		i++
		out = append(out, name[i]-'a'+'A')
	}
	return out
}

// list calls f for the elements of a repeated message. Google's parser takes a single object for a list of one.
func list(value []byte, f func(i int, item []byte)) error {
	if len(value) > 0 && value[0] == '{' {
		f(0, value)
		return nil
	}
	return rawjson.Array(value, func(i int, item []byte) bool { f(i, item); return true })
}

// whole reads an integer; protobuf writes 64-bit ones as strings.
func whole(value []byte) (int64, bool) { return rawjson.Int(unquoted(value)) }

// number reads a float.
func number(value []byte) (float64, bool) {
	f, err := strconv.ParseFloat(string(unquoted(value)), 64)
	return f, err == nil
}

func unquoted(value []byte) []byte {
	if n := len(value); n > 2 && value[0] == '"' && value[n-1] == '"' {
		return value[1 : n-1]
	}
	return value
}

// text reads a string; "" for anything else.
func text(value []byte) string {
	s, _ := rawjson.String(value)
	return s
}

func isTrue(value []byte) bool { return string(value) == "true" }

// enum reads an enum's word; words holds those that may also come as numbers, by number.
func enum(value []byte, words []string) string {
	if isString(value) {
		return text(value)
	}
	if n, ok := rawjson.Int(value); ok && n >= 0 && int(n) < len(words) {
		return words[n]
	}
	return string(value)
}

func isString(value []byte) bool { return len(value) > 0 && value[0] == '"' }

// data reads protobuf's bytes: base64 in either alphabet, padded or not.
func data(value []byte) ([]byte, bool) {
	s := strings.TrimRight(text(value), "=")
	s = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}

// extra collects the members that the model has no word for.
type extra struct{ w rawjson.Writer }

func (x *extra) add(name, value []byte) {
	if len(x.w.B) == 0 {
		x.w.Open('{')
	}
	x.w.Name(string(name))
	x.w.Raw(value)
}

// nest adds what was collected below a member.
func (x *extra) nest(name string, inner *extra) {
	if raw := inner.raw(); raw != nil {
		x.add([]byte(name), raw)
	}
}

func (x *extra) raw() jsontext.Value {
	if len(x.w.B) == 0 {
		return nil
	}
	return jsontext.Value(append(bytes.Clone(x.w.B), '}'))
}

func (x *extra) ext() llm.Ext {
	if raw := x.raw(); raw != nil {
		return llm.Ext{llm.Gemini: raw}
	}
	return nil
}

// carried is the prefix, in base64, of a foreign seal that this gateway wrapped: clients hold signatures as bytes, so the
// wrapping is base64 once more.
const carried = "dGcxL"

// unseal reads a thoughtSignature.
func unseal(value []byte, own string) *llm.Seal {
	s := text(value)
	if s == "" || dummies[s] {
		return nil
	}
	if strings.HasPrefix(s, carried) {
		if b, ok := data(value); ok {
			return llm.Unwrap(string(b), own)
		}
	}
	return &llm.Seal{Issuer: own, Data: s}
}

// dummies are what Google documents in the place of a signature that nobody has, as they are and as SDKs that hold bytes write
// them. They seal nothing.
var dummies = map[string]bool{
	skipSignature: true, "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=": true,
	"context_engineering_is_the_way_to_go": true, "Y29udGV4dF9lbmdpbmVlcmluZ19pc190aGVfd2F5X3RvX2dv": true,
}

// wrapped is how a seal of whichever issuer travels through a Gemini client.
func wrapped(s *llm.Seal) string {
	if s.Issuer == issuer {
		return s.Data
	}
	return base64.StdEncoding.EncodeToString([]byte(s.Wrap()))
}
