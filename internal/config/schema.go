package config

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is one struct field as the file sees it.
type field struct {
	name  string
	index int
	typ   reflect.Type
	tag   reflect.StructTag
	key   bool // holds the name of the member in the mapping around it
	rest  bool // takes the members that no other field takes
}

func (f *field) oneof() []string {
	if list := f.tag.Get("oneof"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// fields are the fields of t that the file may give.
func fields(t reflect.Type) []field {
	var fs []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = snake(sf.Name)
		}
		fs = append(fs, field{name: name, index: i, typ: sf.Type, tag: sf.Tag, key: option == "key", rest: option == "rest"})
	}
	return fs
}

// named tells whether t is a list that the file writes as a mapping, each element under its name.
func named(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && composite(t.Elem()) &&
		slices.ContainsFunc(fields(t.Elem()), func(f field) bool { return f.key })
}

// composite tells whether t is a mapping of fields, and not a scalar that happens to be a struct.
func composite(t reflect.Type) bool {
	_, isScalar := scalars[t]
	return t.Kind() == reflect.Struct && !isScalar && t != reflect.TypeFor[Raw]()
}

// scalarList tells whether t is a list of single values.
func scalarList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !composite(t.Elem())
}

// snake is MaxBody as max_body and BaseURL as base_url.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		boundary := i > 0 && unicode.IsUpper(r) && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1]))
		if boundary && rs[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// suggest completes an error with the closest of the words, or with all of them when none is close and they are few.
func suggest(word string, words []string) string {
	if best := closest(word, words); best != "" {
		return didYouMean(best)
	}
	if len(words) > 0 && len(words) <= 12 {
		return "; one of " + strings.Join(words, ", ")
	}
	return ""
}

func didYouMean(word string) string { return `; did you mean "` + word + `"?` }

// closest is the word within a third of its letters, "" if there is none.
func closest(word string, words []string) string {
	best, at := "", max(1, len(word)/3)+1
	if len(word) > 64 {
		return ""
	}
	for _, w := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < at {
			best, at = w, d
		}
	}
	return best
}

// distance is Levenshtein's: the fewest insertions, deletions and replacements of bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
