package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds on documents, far beyond any honest one. The number of nodes counts what an alias stands for each time, so that
// nested aliases cannot grow without end.
const (
	maxDocument = 4 << 20
	maxDepth    = 50
	maxNodes    = 500_000
	maxErrors   = 1000
)

// decoder fills Go values from YAML nodes and collects what is wrong, each with its place.
type decoder struct {
	*report
	env   func(string) (string, bool)
	nodes int // seen so far
	depth int // of the node at hand
}

// value decodes n into v, which holds its default already, and keeps it when n is wrong.
func (d *decoder) value(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	n, ok := d.enter(n, path)
	defer d.leave()
	if !ok {
		return
	}
	t := v.Type()
	_, isScalar := scalars[t]
	if n.Tag == "!!null" && composite(t) {
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	}
	switch {
	case isScalar || t.Kind() == reflect.String:
		d.scalar(v, n, path, tag)
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		d.defaults(p.Elem())
		d.value(p.Elem(), n, path, tag)
		v.Set(p)
	case n.Tag == "!!null" && !scalarList(t): // a section whose members are all commented out
	case t.Kind() == reflect.Slice && !named(t):
		d.list(v, n, path, tag)
	case !d.want(n, yaml.MappingNode, path):
	case t == reflect.TypeFor[Raw]():
		d.raw(v, n, path)
	case t.Kind() == reflect.Struct:
		d.structure(v, n, path)
	case t.Kind() == reflect.Map:
		d.mapping(v, n, path, tag)
	default:
		d.namedList(v, n, path)
	}
}

// enter follows an alias, notes where path is, and keeps the bounds. It is undone by leave.
func (d *decoder) enter(n *yaml.Node, path string) (*yaml.Node, bool) {
	if _, known := d.at[path]; !known || n.Kind == yaml.ScalarNode {
		d.at[path] = place{line: n.Line, col: n.Column} // of a mapping or list, members has noted its key, which tells more
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.nodes++
	d.depth++
	switch {
	case d.nodes == maxNodes:
		d.errorf(path, "more than %d values, aliases counted as what they stand for", maxNodes)
	case d.depth > maxDepth:
		d.errorf(path, "nested too deeply")
		return n, false
	case n.Style&yaml.TaggedStyle != 0:
		d.errorf(path, "YAML tags such as %s are not supported", quote(n.Tag))
		return n, false
	}
	return n, d.nodes < maxNodes && len(d.errors) < maxErrors
}

func (d *decoder) leave() { d.depth-- }

var kindNames = map[yaml.Kind]string{
	yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value",
}

func (d *decoder) want(n *yaml.Node, kind yaml.Kind, path string) bool {
	if n.Kind != kind {
		d.errorf(path, "wants %s, not %s", kindNames[kind], kindNames[n.Kind])
	}
	return n.Kind == kind
}

// members calls f with each member of a mapping, in order. Keys that are no text, or come twice, are reported instead.
func (d *decoder) members(n *yaml.Node, path string, f func(name, path string, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		at := join(path, name)
		switch {
		case key.Kind != yaml.ScalarNode:
			d.errorAt(key, path, "a key must be plain text")
		case key.Tag == "!!merge":
			d.errorAt(key, path, "merge keys (<<) are not supported; use an alias for a whole value")
		case name == "":
			d.errorAt(key, path, "a key must not be empty")
		case seen[name] > 0:
			d.errorAt(key, at, "given twice; first on line %d", seen[name])
		default:
			seen[name] = key.Line
			d.at[at] = place{line: key.Line, col: key.Column}
			f(name, at, value)
		}
	}
}

func (d *decoder) errorAt(n *yaml.Node, path, format string, args ...any) {
	d.errors = append(d.errors, Problem{File: d.file, Line: n.Line, Col: n.Column, Path: path, Text: fmt.Sprintf(format, args...)})
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// structure fills the fields of v from the members of n.
func (d *decoder) structure(v reflect.Value, n *yaml.Node, path string) {
	fs := fields(v.Type())
	rest := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	d.members(n, path, func(name, path string, value *yaml.Node) {
		i := slices.IndexFunc(fs, func(f field) bool { return f.name == name && !f.key && !f.rest })
		switch {
		case i >= 0:
			d.value(v.Field(fs[i].index), value, path, fs[i].tag)
		case fs[len(fs)-1].rest:
			rest.Content = append(rest.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, value)
		default:
			d.errorf(path, "unknown key%s", suggest(name, names(fs))) // members has noted the key's place
		}
	})
	for _, f := range fs {
		if f.rest && len(rest.Content) > 0 {
			d.raw(v.Field(f.index), rest, path)
		}
		if f.tag.Get("required") != "" && !d.given(join(path, f.name)) {
			d.errorf(path, "%s is missing", f.name)
		}
	}
}

func names(fs []field) []string {
	var list []string
	for _, f := range fs {
		if !f.key && !f.rest {
			list = append(list, f.name)
		}
	}
	return list
}

// namedList fills a slice from a mapping: one element per member, in order, with the member's name in its key field.
func (d *decoder) namedList(v reflect.Value, n *yaml.Node, path string) {
	d.members(n, path, func(name, path string, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.defaults(e)
		for _, f := range fields(e.Type()) {
			if f.key {
				e.Field(f.index).SetString(name)
			}
		}
		d.value(e, value, path, "")
		v.Set(reflect.Append(v, e))
	})
}

func (d *decoder) mapping(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	v.Set(reflect.MakeMap(v.Type()))
	d.members(n, path, func(name, path string, value *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(e, value, path, tag)
		v.SetMapIndex(reflect.ValueOf(name), e)
	})
}

// list fills a slice. An empty list is not nil: for a key's models the two differ.
func (d *decoder) list(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	if n.Tag == "!!null" {
		d.errorf(path, "has no value; write [] for an empty list, or leave it out")
		return
	}
	if n.Kind == yaml.ScalarNode && tag.Get("commas") != "" {
		n = d.commas(n)
	}
	if !d.want(n, yaml.SequenceNode, path) {
		return
	}
	if len(n.Content) == 0 && tag.Get("required") != "" {
		d.errorf(path, "must not be empty")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.Content)))
	for i, item := range n.Content {
		e := reflect.New(v.Type().Elem()).Elem()
		d.defaults(e)
		d.value(e, item, path+"["+strconv.Itoa(i)+"]", tag)
		if absent := tag.Get("unset") != "" && e.IsZero(); !absent {
			v.Set(reflect.Append(v, e))
		}
	}
}

// commas is the text "a, b" as the list [a, b].
func (d *decoder) commas(n *yaml.Node) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode, Line: n.Line, Column: n.Column}
	for item := range strings.SplitSeq(n.Value, ",") {
		one := *n
		one.Value = strings.TrimSpace(item)
		list.Content = append(list.Content, &one)
	}
	return list
}

// scalar fills v from one text, with variables replaced, and checks the bounds of its tag.
func (d *decoder) scalar(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	if !d.want(n, yaml.ScalarNode, path) {
		return
	}
	if n.Tag == "!!null" {
		d.errorf(path, "has no value")
		return
	}
	text, expanded, ok := d.expand(n, path, tag)
	if !ok {
		return
	}
	if expanded {
		d.at[path] = place{line: n.Line, col: n.Column, written: n.Value}
	}
	kind, isTable := scalars[v.Type()]
	textual := !isTable || v.Type() == reflect.TypeFor[Secret]()
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	switch {
	case textual && n.Tag != "!!str" && tag.Get("oneof") != "":
		d.errorf(path, "wants one of %s", strings.ReplaceAll(tag.Get("oneof"), ",", ", "))
	case textual && n.Tag != "!!str":
		d.errorf(path, "wants text, not %s; put it in quotes", tagNames[n.Tag])
	case kind.plain && quoted && !expanded:
		d.errorf(path, "wants %s, without quotes", kind.want)
	case !isTable:
		v.SetString(text)
		d.bounds(v, n, path, tag)
	default:
		parsed, ok := kind.parse(text)
		if !ok {
			d.errorf(path, "%s is not %s", d.shown(v, n), kind.want)
			return
		}
		v.Set(reflect.ValueOf(parsed))
		d.bounds(v, n, path, tag)
	}
}

var tagNames = map[string]string{
	"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a date",
}

// expand replaces the variables in n. It reports false when one is missing; then v stays as it was.
func (d *decoder) expand(n *yaml.Node, path string, tag reflect.StructTag) (text string, expanded, ok bool) {
	x := expand(n.Value, d.env)
	switch {
	case x.bad:
		d.errorf(path, "a variable is written ${NAME} or ${NAME:-fallback}; a literal ${ is $${")
	case !utf8.ValidString(x.text):
		d.errorf(path, "variable %s is not UTF-8", strings.Join(x.names, " or "))
	case len(x.unset) > 0 && tag.Get("unset") == "":
		d.errorf(path, "variable %s is not set", strings.Join(x.unset, " and "))
	case len(x.unset) > 0:
		d.warnf(path, "no credential: variable %s is not set", strings.Join(x.unset, " and "))
	case len(x.names) > 0 && tag.Get("unset") != "" && strings.TrimSpace(x.text) == "":
		d.warnf(path, "no credential: variable %s is empty", strings.Join(x.names, " and "))
	default:
		return x.text, len(x.names) > 0, true
	}
	return "", true, false
}

// shown is what an error may quote: the text as the file writes it, variables unreplaced, and nothing of a secret.
func (d *decoder) shown(v reflect.Value, n *yaml.Node) string {
	if v.Type() == reflect.TypeFor[Secret]() {
		return "the secret"
	}
	return quote(n.Value)
}

// quote is text in quotes, cut short: a long one may be a key in the wrong place.
func quote(text string) string {
	if r := []rune(text); len(r) > 40 {
		text = string(r[:8]) + "…"
	}
	return strconv.Quote(text)
}

// bounds checks the tags oneof, min, max and required of a value that was given.
func (d *decoder) bounds(v reflect.Value, n *yaml.Node, path string, tag reflect.StructTag) {
	if list := (&field{tag: tag}).oneof(); list != nil && !slices.Contains(list, v.String()) {
		d.errorf(path, "%s is unknown%s", d.shown(v, n), suggest(v.String(), list))
	}
	if low := tag.Get("min"); low != "" && d.less(v, d.bound(v.Type(), low)) {
		d.errorf(path, "%s is less than %s", d.shown(v, n), low)
	}
	if high := tag.Get("max"); high != "" && d.less(d.bound(v.Type(), high), v) {
		d.errorf(path, "%s is more than %s", d.shown(v, n), high)
	}
	if tag.Get("required") != "" && v.Kind() == reflect.String && v.String() == "" {
		d.errorf(path, "must not be empty")
	}
}

func (d *decoder) bound(t reflect.Type, text string) reflect.Value {
	parsed, ok := scalars[t].parse(text)
	if !ok {
		panic(fmt.Sprintf("config: bound %q of %s", text, t)) // a mistake in a tag; tests see every tag
	}
	return reflect.ValueOf(parsed)
}

func (d *decoder) less(a, b reflect.Value) bool {
	if a.CanFloat() {
		return a.Float() < b.Float()
	}
	return a.Int() < b.Int()
}

// defaults gives v, a struct, what the tags of its fields say.
func (d *decoder) defaults(v reflect.Value) {
	if !composite(v.Type()) {
		return
	}
	for _, f := range fields(v.Type()) {
		d.defaults(v.Field(f.index))
		text := f.tag.Get("default")
		if text == "" {
			continue
		}
		var doc yaml.Node
		own := &decoder{report: &report{at: map[string]place{}}, env: d.env}
		err := yaml.Unmarshal([]byte(text), &doc)
		if err == nil {
			own.value(v.Field(f.index), doc.Content[0], f.name, "")
		}
		if err != nil || own.errors != nil {
			panic(fmt.Sprintf("config: default %q of %s: %v%v", text, f.name, err, own.errors)) // a mistake in a tag; tests see every tag
		}
	}
}
