package fake

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// sampler makes a JSON value that fits a schema. It knows what tools use: types, properties, items, enums, bounds, the common
// formats, anyOf and $ref; of a pattern it knows nothing.
type sampler struct {
	root map[string]any
	r    *rand.Rand
	hard bool // strings full of what JSON must escape
}

// sample gives the same value for the same schema and number.
func sample(schema jsontext.Value, n uint64, hard bool) string {
	s := &sampler{r: rand.New(rand.NewPCG(n, 2)), hard: hard}
	var v any
	if len(schema) > 0 {
		_ = json.Unmarshal(schema, &v)
	}
	s.root, _ = v.(map[string]any)
	if s.root == nil {
		return "{}"
	}
	return string(s.value(nil, s.root, 0))
}

const maxDepth = 8

func (s *sampler) value(dst []byte, schema map[string]any, depth int) []byte {
	schema = s.resolve(schema, depth)
	if c, ok := schema["const"]; ok {
		return encode(dst, c)
	}
	if e, ok := schema["enum"].([]any); ok && len(e) > 0 {
		return encode(dst, e[s.r.IntN(len(e))])
	}
	switch kind(schema) {
	case "object":
		return s.object(dst, schema, depth)
	case "array":
		return s.array(dst, schema, depth)
	case "string":
		return s.text(dst, schema)
	case "integer":
		return s.number(dst, schema, true)
	case "number":
		return s.number(dst, schema, false)
	case "boolean":
		return strconv.AppendBool(dst, s.r.IntN(2) == 1)
	case "null":
		return append(dst, "null"...)
	}
	return s.text(dst, schema)
}

// resolve follows references and takes the first alternative; what stands beside them stays.
func (s *sampler) resolve(schema map[string]any, depth int) map[string]any {
	for range maxDepth {
		var next map[string]any
		if ref, ok := schema["$ref"].(string); ok {
			next = s.lookup(ref)
		}
		for _, word := range []string{"anyOf", "oneOf"} {
			if next == nil {
				next = s.alternative(schema[word], depth)
			}
		}
		if all, ok := schema["allOf"].([]any); ok && next == nil {
			next = map[string]any{}
			for _, one := range all {
				if m, ok := one.(map[string]any); ok {
					next = merge(next, m)
				}
			}
		}
		if next == nil {
			return schema
		}
		rest := map[string]any{}
		for k, v := range schema {
			if k != "$ref" && k != "anyOf" && k != "oneOf" && k != "allOf" {
				rest[k] = v
			}
		}
		schema = merge(rest, next)
	}
	return schema
}

// alternative is the first of a list; deep down null is preferred, so that recursion ends.
func (s *sampler) alternative(list any, depth int) map[string]any {
	all, _ := list.([]any)
	var first map[string]any
	for _, one := range all {
		m, ok := one.(map[string]any)
		if ok && (first == nil || depth >= maxDepth/2 && kind(m) == "null") {
			first = m
		}
	}
	return first
}

func merge(a, b map[string]any) map[string]any {
	m := map[string]any{}
	maps.Copy(m, a)
	for k, v := range b {
		switch have := m[k].(type) {
		case map[string]any:
			if more, ok := v.(map[string]any); ok {
				v = merge(have, more)
			}
		case []any:
			if more, ok := v.([]any); ok && k == "required" {
				v = append(slices.Clone(have), more...)
			}
		}
		m[k] = v
	}
	return m
}

func (s *sampler) lookup(ref string) map[string]any {
	at := s.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#"), "/") {
		if name == "" {
			continue
		}
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		at, _ = at[name].(map[string]any)
	}
	return at
}

// kind is the type of the schema, guessed where it is not said. Gemini writes types in capitals.
func kind(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return strings.ToLower(t)
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok {
				return strings.ToLower(name)
			}
		}
	}
	switch {
	case schema["properties"] != nil:
		return "object"
	case schema["items"] != nil:
		return "array"
	}
	return ""
}

// object has the required members, and the others while it is not deep.
func (s *sampler) object(dst []byte, schema map[string]any, depth int) []byte {
	props, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	names := make([]string, 0, len(props))
	for name := range props {
		if depth < maxDepth/2 || slices.Contains(required, any(name)) {
			names = append(names, name)
		}
	}
	for _, name := range required {
		if name, ok := name.(string); ok && props[name] == nil {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	dst = append(dst, '{')
	for i, name := range slices.Compact(names) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(quote(dst, name), ':')
		member, _ := props[name].(map[string]any)
		if depth > 4*maxDepth { // a schema that demands itself has no finite value
			member = map[string]any{"type": "null"}
		}
		dst = s.value(dst, member, depth+1)
	}
	return append(dst, '}')
}

func (s *sampler) array(dst []byte, schema map[string]any, depth int) []byte {
	low := int(bound(schema, "minItems", 0))
	high := int(bound(schema, "maxItems", float64(low+2)))
	n := min(max(low, 1), high)
	if depth >= maxDepth/2 {
		n = low
	}
	items, _ := schema["items"].(map[string]any)
	dst = append(dst, '[')
	for i := range min(n, 64) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = s.value(dst, items, depth+1)
	}
	return append(dst, ']')
}

var formats = map[string]string{
	"date": "2026-11-24", "time": "14:30:00Z", "date-time": "2026-11-24T14:30:00Z", "email": "ada@example.com",
	"uri": "https://example.com/", "uuid": "123e4567-e89b-42d3-a456-426614174000", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"hostname": "example.com", "duration": "PT5M",
}

const hardText = "He said \"no\"\\\n\ttab, é ü 漢 😀 </b>\u0001\u2028"

func (s *sampler) text(dst []byte, schema map[string]any) []byte {
	format, _ := schema["format"].(string)
	t, fixed := formats[format]
	if !fixed {
		t = nouns[s.r.IntN(len(nouns))]
		if s.hard {
			t = hardText
		}
	}
	r := []rune(t)
	for low := min(int(bound(schema, "minLength", 0)), 1<<16); len(r) < low; {
		r = append(r, r...)
	}
	if high := int(bound(schema, "maxLength", math.MaxInt32)); len(r) > high {
		r = r[:max(0, high)]
	}
	if s.hard {
		return quoteASCII(dst, string(r))
	}
	return quote(dst, string(r))
}

// quoteASCII writes everything that is not plain ASCII as \u escapes, in surrogate pairs where need be.
func quoteASCII(dst []byte, text string) []byte {
	for _, r := range string(quote(nil, text)) {
		if r < 0x80 {
			dst = append(dst, byte(r))
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			hex := strconv.FormatUint(uint64(u), 16)
			dst = append(append(dst, `\u`+strings.Repeat("0", 4-len(hex))...), hex...)
		}
	}
	return dst
}

func (s *sampler) number(dst []byte, schema map[string]any, whole bool) []byte {
	low := bound(schema, "minimum", math.Inf(-1))
	if x := bound(schema, "exclusiveMinimum", math.Inf(-1)); x >= low && !math.IsInf(x, -1) {
		low = x + step1(whole)
	}
	high := bound(schema, "maximum", math.Inf(1))
	if x := bound(schema, "exclusiveMaximum", math.Inf(1)); x <= high && !math.IsInf(x, 1) {
		high = x - step1(whole)
	}
	switch {
	case math.IsInf(low, -1) && math.IsInf(high, 1):
		low, high = 1, 100
	case math.IsInf(low, -1):
		low = high - 100
	case math.IsInf(high, 1):
		high = low + 100
	}
	unit := bound(schema, "multipleOf", 0)
	if unit <= 0 {
		unit = 0.25
		if whole {
			unit = 1
		}
	}
	first := math.Ceil(low / unit)
	span := math.Floor(high/unit) - first
	if span < 0 { // no multiple of the unit between the bounds
		return strconv.AppendFloat(dst, low, 'f', -1, 64)
	}
	v := (first + float64(s.r.Int64N(int64(min(span, 1000))+1))) * unit
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

// step1 is what lies beside an excluded bound.
func step1(whole bool) float64 {
	if whole {
		return 1
	}
	return 1.0 / 1024
}

// bound reads a number of the schema; Gemini writes some of them as strings.
func bound(schema map[string]any, name string, def float64) float64 {
	switch v := schema[name].(type) {
	case float64:
		return v
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return f
		}
	}
	return def
}

func encode(dst []byte, v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
