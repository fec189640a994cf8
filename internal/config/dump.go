package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Redacted is the config as people may see it: a JSON object in the file's own spelling and order, defaults included,
// secrets masked, and without what is neither given nor has a default.
func (c *Config) Redacted() jsontext.Value {
	var out bytes.Buffer
	e := jsontext.NewEncoder(&out)
	dump(e, reflect.ValueOf(c).Elem())
	return bytes.TrimSpace(out.Bytes())
}

// dump writes v. Errors cannot come: the sink is memory and names are distinct; text that is no UTF-8 does not get into a config.
func dump(e *jsontext.Encoder, v reflect.Value) {
	t := v.Type()
	kind, isScalar := scalars[t]
	switch {
	case isScalar:
		_ = e.WriteToken(scalarToken(kind, v))
	case t.Kind() == reflect.String:
		_ = e.WriteToken(jsontext.String(v.String()))
	case t == reflect.TypeFor[Raw]():
		_ = e.WriteValue(jsontext.Value(v.Interface().(Raw).shown))
	case t.Kind() == reflect.Pointer:
		dump(e, v.Elem())
	case t.Kind() == reflect.Struct:
		_ = e.WriteToken(jsontext.BeginObject)
		dumpFields(e, v)
		_ = e.WriteToken(jsontext.EndObject)
	case named(t):
		_ = e.WriteToken(jsontext.BeginObject)
		for _, item := range v.Seq2() {
			_ = e.WriteToken(jsontext.String(nameOf(item)))
			dump(e, item)
		}
		_ = e.WriteToken(jsontext.EndObject)
	case t.Kind() == reflect.Map:
		_ = e.WriteToken(jsontext.BeginObject)
		for _, name := range sorted(v) {
			_ = e.WriteToken(jsontext.String(name.String()))
			dump(e, v.MapIndex(name))
		}
		_ = e.WriteToken(jsontext.EndObject)
	default:
		_ = e.WriteToken(jsontext.BeginArray)
		for _, item := range v.Seq2() {
			dump(e, item)
		}
		_ = e.WriteToken(jsontext.EndArray)
	}
}

func dumpFields(e *jsontext.Encoder, v reflect.Value) {
	for _, f := range fields(v.Type()) {
		fv := v.Field(f.index)
		switch {
		case f.key || fv.IsZero() && f.tag.Get("default") == "":
		case f.rest:
			dumpRest(e, fv.Interface().(Raw))
		default:
			_ = e.WriteToken(jsontext.String(f.name))
			dump(e, fv)
		}
	}
}

// dumpRest writes the members of an object into the one around it.
func dumpRest(e *jsontext.Encoder, r Raw) {
	d := jsontext.NewDecoder(bytes.NewBufferString(r.shown))
	_, _ = d.ReadToken()
	for d.PeekKind() != '}' {
		value, err := d.ReadValue()
		if err != nil || e.WriteValue(value) != nil {
			return
		}
	}
}

func nameOf(v reflect.Value) string {
	for _, f := range fields(v.Type()) {
		if f.key {
			return v.Field(f.index).String()
		}
	}
	return ""
}

func sorted(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(m.Seq(), func(a, b reflect.Value) int {
		return bytes.Compare([]byte(a.String()), []byte(b.String()))
	})
}

func scalarToken(kind scalar, v reflect.Value) jsontext.Token {
	switch {
	case kind.show != nil:
		return jsontext.String(kind.show(v.Interface()))
	case v.Kind() == reflect.Bool:
		return jsontext.Bool(v.Bool())
	case v.CanInt():
		return jsontext.Int(v.Int())
	case v.CanFloat():
		return jsontext.Float(v.Float())
	}
	return jsontext.String(fmt.Sprint(v.Interface()))
}
