package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

// reference writes the tables of docs/configuration.md out of the structs.
type reference struct {
	strings.Builder
	comments map[string]string // by Type.Field
	t        *testing.T
}

func TestReference(t *testing.T) {
	const path, marker = "../../docs/configuration.md", "-update -->\n"
	r := &reference{comments: comments(t), t: t}
	r.section("", reflect.TypeFor[Config]())
	page := read1(t, path)
	head, _, found := strings.Cut(page, marker)
	if !found {
		t.Fatal("no marker in", path)
	}
	want := head + marker + r.String()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Error("the reference is out of date; run go test ./internal/config -run TestReference -update\n", diff)
	}
}

// comments are the doc comments of all struct fields of this package, and of the struct that llm lends us.
func comments(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"Timeouts.Connect":   "Until the connection stands.",
		"Timeouts.FirstByte": "From sending the request to the first byte of the answer.",
		"Timeouts.Idle":      "Between two pieces of a stream.",
		"Timeouts.Total":     "From beginning to end; the others are never longer.",
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if st, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range st.Fields.List {
				for _, name := range f.Names {
					all[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return all
}

// section writes one table for the fields of t, and then one for each section inside.
func (r *reference) section(path string, t reflect.Type) {
	type inner struct {
		path string
		typ  reflect.Type
	}
	var inside []inner
	title := path
	if title == "" {
		title = "Top level"
	} else {
		title = "`" + title + "`"
	}
	fmt.Fprintf(r, "\n## %s\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n", title)
	for _, f := range fields(t) {
		comment := r.comments[t.Name()+"."+t.Field(f.index).Name]
		switch {
		case f.key:
			continue
		case comment == "":
			r.t.Errorf("%s.%s has no comment", t, f.name)
		}
		key := "`" + f.name + "`"
		if f.rest {
			key = "…"
		}
		value, sub := r.value(f)
		if f.tag.Get("static") != "" {
			comment += " *restart*"
		}
		fmt.Fprintf(r, "| %s | %s | %s | %s |\n", key, value, defaultOf(f), strings.ReplaceAll(comment, "|", "\\|"))
		if sub != nil {
			name := f.name
			switch {
			case named(f.typ):
				name += ".NAME"
			case f.typ.Kind() == reflect.Slice:
				name += "[]"
			}
			inside = append(inside, inner{join(path, name), sub})
		}
	}
	for _, in := range inside {
		if in.typ != reflect.TypeFor[llm.Timeouts]() || in.path == "routing.timeout" { // the same three times
			r.section(in.path, in.typ)
		}
	}
}

func defaultOf(f field) string {
	if text := f.tag.Get("default"); text != "" {
		return "`" + text + "`"
	}
	if f.tag.Get("required") != "" {
		return "*required*"
	}
	return ""
}

// value says what a field takes, and which section it is, if it is one.
func (r *reference) value(f field) (string, reflect.Type) {
	if list := f.oneof(); list != nil {
		text := "`" + strings.Join(list, "`, `") + "`"
		if f.typ.Kind() == reflect.Slice {
			text = "list of " + text
		}
		return text, nil
	}
	text, sub := typeName(f.typ)
	if low := f.tag.Get("min"); low != "" && low != "0" && low != "0s" {
		text += ", at least " + low
	}
	if high := f.tag.Get("max"); high != "" {
		text += ", at most " + high
	}
	return text, sub
}

func typeName(t reflect.Type) (string, reflect.Type) {
	kind, isScalar := scalars[t]
	switch {
	case t == reflect.TypeFor[Secret]():
		return "secret", nil
	case isScalar:
		want, _, _ := strings.Cut(strings.ReplaceAll(kind.want, " as ", " such as "), " such")
		_, want, _ = strings.Cut(" "+want, " ")
		return strings.TrimPrefix(strings.TrimPrefix(want, "a "), "an "), nil
	case t.Kind() == reflect.String:
		return "text", nil
	case t == reflect.TypeFor[Raw]():
		return "anything", nil
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t.Kind() == reflect.Struct:
		return "section", t
	case named(t):
		return "sections by name", t.Elem()
	case t.Kind() == reflect.Map:
		of, _ := typeName(t.Elem())
		return of + " by name", nil
	}
	of, sub := typeName(t.Elem())
	return "list of " + strings.Replace(of, "section", "sections", 1), sub
}
