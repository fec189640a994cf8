package config

import (
	"bytes"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// twin writes one JSON document twice: as it is, and as it may be seen.
type twin struct{ value, shown *jsontext.Encoder }

// Errors cannot come: the sink is memory and the grammar is kept by construction, but for duplicate names and bad UTF-8,
// which members and expand rule out.
func (t twin) token(tok jsontext.Token) {
	_ = t.value.WriteToken(tok)
	_ = t.shown.WriteToken(tok)
}

func (t twin) values(value, shown jsontext.Value) {
	_ = t.value.WriteValue(value)
	_ = t.shown.WriteValue(shown)
}

// Names under which people keep secrets.
var secretName = regexp.MustCompile(`(?i)(^|[_-])(api_?key|key|secret|token|password|authorization|credential)s?$`)

// raw fills v with the JSON of a mapping.
func (d *decoder) raw(v reflect.Value, n *yaml.Node, path string) {
	before := len(d.errors)
	var value, shown bytes.Buffer
	d.json(twin{jsontext.NewEncoder(&value), jsontext.NewEncoder(&shown)}, n, path, false)
	if len(d.errors) > before {
		return
	}
	v.Set(reflect.ValueOf(Raw{value: NewSecret(string(bytes.TrimSpace(value.Bytes()))), shown: string(bytes.TrimSpace(shown.Bytes()))}))
}

func (d *decoder) json(t twin, n *yaml.Node, path string, hide bool) {
	n, ok := d.enter(n, path)
	defer d.leave()
	switch {
	case !ok:
		t.token(jsontext.Null)
	case n.Kind == yaml.MappingNode:
		t.token(jsontext.BeginObject)
		d.members(n, path, func(name, path string, value *yaml.Node) {
			t.token(jsontext.String(name))
			d.json(t, value, path, secretName.MatchString(name))
		})
		t.token(jsontext.EndObject)
	case n.Kind == yaml.SequenceNode:
		t.token(jsontext.BeginArray)
		for i, item := range n.Content {
			d.json(t, item, path+"["+strconv.Itoa(i)+"]", hide)
		}
		t.token(jsontext.EndArray)
	default:
		d.jsonScalar(t, n, path, hide)
	}
}

// jsonScalar keeps a number as it is written. A replaced variable is always text.
func (d *decoder) jsonScalar(t twin, n *yaml.Node, path string, hide bool) {
	value, ok := d.jsonValue(n, path)
	if !ok {
		value = jsontext.Value("null")
	}
	shown := value
	switch {
	case hide && n.Tag != "!!null":
		shown = jsontext.Value(strconv.Quote(mask))
	case n.Tag == "!!str":
		shown, _ = jsontext.AppendQuote(nil, n.Value)
	}
	t.values(value, shown)
}

func (d *decoder) jsonValue(n *yaml.Node, path string) (jsontext.Value, bool) {
	switch n.Tag {
	case "!!null":
		return jsontext.Value("null"), true
	case "!!bool":
		return jsontext.Value(strings.ToLower(n.Value)), true
	case "!!int", "!!float":
		if literal := jsontext.Value(n.Value); literal.IsValid() {
			return literal, true
		}
		var number float64 // 0x1f, 1_000, .5
		if err := n.Decode(&number); err == nil && number-number == 0 {
			return jsontext.Value(jsontext.Float(number).String()), true
		}
		d.errorf(path, "%s is not a number that JSON can say", quote(n.Value))
		return nil, false
	}
	text, _, ok := d.expand(n, path, "")
	quoted, err := jsontext.AppendQuote(nil, text)
	return quoted, ok && err == nil
}
