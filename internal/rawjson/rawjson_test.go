package rawjson

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	many := func(extra string) string {
		var b strings.Builder
		b.WriteString(`{"deep":{`)
		for i := range 60 {
			b.WriteString(`"k` + strings.Repeat("x", i) + `":1,`)
		}
		return b.String() + extra + `:1}}`
	}
	for _, tt := range []struct{ in, want string }{
		{`{"a":[1,2.50,-0,1e400,"é\u00e9\ud83d\ude00",true,false,null,{}],"b":{"c":[]}}`, ""},
		{` [ ] `, ""},
		{`"lone \ud83d is only text"`, ""},
		{`{"model":"a","model":"b"}`, "duplicate member name at /model (byte 14)"},
		{`{"a":{"b":[0,{"x/y":1,"x/y":2}]}}`, "duplicate member name at /a/b/1/x~1y (byte 23)"},
		{`{"a":1,"\u0061":2}`, "duplicate member name at /\\u0061 (byte 8)"},
		{many(`"z"`), ""},
		{many(`"kxxx"`), "duplicate member name at /deep/kxxx (byte 2140)"},
		{"{\"a\":\"\xff\"}", "invalid UTF-8 at byte 6"},
		{`{"a":1} {}`, "unexpected data after the document at byte 8"},
		{`{"a":1`, "unexpected end of the document at byte 6"},
		{`{"a":`, "unexpected end of the document at /a (byte 5)"},
		{`{"a" 1}`, "expected ':' at /a (byte 5)"},
		{`{"a":1,}`, "expected a member name at byte 7"},
		{`[1,]`, "invalid character at /1 (byte 3)"},
		{`[01]`, "expected ',' or ']' at /0 (byte 2)"},
		{`[1.]`, "invalid number at /0 (byte 1)"},
		{`[NaN]`, "invalid character at /0 (byte 1)"},
		{"[\"a\nb\"]", "control character in a string at /0 (byte 3)"},
		{`["\x"]`, "invalid escape at /0 (byte 2)"},
		{``, "unexpected end of the document at byte 0"},
		{strings.Repeat("[", 100_000), "nested too deeply at " + strings.Repeat("/0", 513) + " (byte 513)"},
	} {
		err := Check([]byte(tt.in))
		if got := text(err); got != tt.want {
			t.Errorf("%.60s\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzCheck compares with another strict parser: what it accepts, so must we, and the other way round, apart from lone
// surrogates (which only we let pass) and depth.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",{"b":null}]}`, `{"a":1,"a":2}`, `"\ud800"`, `1e5`, `{"\u0061":1,"a":2}`, "[1 ,\t2\r\n]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		ours := Check(doc) == nil
		theirs := jsontext.Value(doc).IsValid()
		if ours != theirs && !strings.Contains(string(doc), `\u`) {
			t.Fatalf("%q: ours %v, theirs %v", doc, ours, theirs)
		}
		if theirs && !ours {
			t.Fatalf("%q is refused: %v", doc, Check(doc))
		}
		if !ours {
			_ = Object(doc, func(_, _ []byte) bool { return true })
			_ = Array(doc, func(int, []byte) bool { return true })
			return
		}
		same, err := Patch(doc)
		if err != nil || string(same) != string(doc) {
			t.Fatalf("no edits changed %q to %q (%v)", doc, same, err)
		}
		if jsontext.Value(doc).Kind() != '{' {
			return
		}
		out, err := Patch(doc, Edit{Name: "a", Value: []byte(`[7]`)}, Edit{Name: "b"})
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if err := Check(out); err != nil || string(Get(out, "a")) != "[7]" || Get(out, "b") != nil {
			t.Fatalf("%q became %q: %v", doc, out, err)
		}
	})
}

func TestPatch(t *testing.T) {
	model, yes := Edit{Name: "model", Value: []byte(`"b"`)}, Edit{Name: "stream", Value: []byte(`true`)}
	for _, tt := range []struct {
		in    string
		edits []Edit
		want  string
	}{
		{`{ "model" : "a", "x":[1, 2 ,{"z":1e400}],"t":{"b":1,"a":2} }`, []Edit{model, yes}, `{ "model" : "b", "x":[1, 2 ,{"z":1e400}],"t":{"b":1,"a":2},"stream":true }`},
		{"{\n  \"model\": \"a\"\n}", []Edit{model}, "{\n  \"model\": \"b\"\n}"},
		{`{}`, []Edit{yes}, `{"stream":true}`},
		{`{"x":{"model":"inner"},"stream":false,"model":"a"}`, []Edit{model, yes}, `{"x":{"model":"inner"},"stream":true,"model":"b"}`},
		{`{"a":1,"b":2,"c":3}`, []Edit{{Name: "a"}}, `{"b":2,"c":3}`},
		{`{"a":1,"b":2,"c":3}`, []Edit{{Name: "b"}}, `{"a":1,"c":3}`},
		{`{"a":1,"b":2,"c":3}`, []Edit{{Name: "c"}}, `{"a":1,"b":2}`},
		{`{"a":1,"b":2,"c":3}`, []Edit{{Name: "a"}, {Name: "b"}, {Name: "c"}}, `{}`},
		{`{"a":1,"b":2}`, []Edit{{Name: "a"}, {Name: "b"}, yes}, `{"stream":true}`},
		{`{"max_tokens" : 5,"x":1}`, []Edit{{Name: "max_tokens", As: "max_completion_tokens", Value: []byte("5")}}, `{"max_completion_tokens":5,"x":1}`},
		{`{"x":1}`, []Edit{{Name: "max_tokens", As: "max_completion_tokens", Value: []byte("5")}}, `{"x":1}`},
		{`{"a\"b":1,"c":":\"}"}`, []Edit{{Name: `a"b`, Value: []byte("2")}}, `{"a\"b":2,"c":":\"}"}`},
	} {
		got, err := Patch([]byte(tt.in), tt.edits...)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s\n got %s (%v)\nwant %s", tt.in, got, err, tt.want)
		}
	}
	if _, err := Patch([]byte(`[1]`), yes); !errors.As(err, new(*Error)) {
		t.Errorf("an array: %v", err)
	}
}

func TestRead(t *testing.T) {
	doc := []byte(` {"a" : {"b":[1,"x\n",{"c":null}]}, "n":12.0,"s":"é\u00e9\ud83d\ude00\ud83d" } `)
	var names []string
	if err := Object(doc, func(name, value []byte) bool { names = append(names, string(name)+"="+string(value)); return true }); err != nil {
		t.Fatal(err)
	}
	want := []string{`a={"b":[1,"x\n",{"c":null}]}`, `n=12.0`, `s="é\u00e9\ud83d\ude00\ud83d"`}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	var items []string
	if err := Array(Get(doc, "a", "b"), func(_ int, v []byte) bool { items = append(items, string(v)); return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`1`, `"x\n"`, `{"c":null}`}, items); diff != "" {
		t.Error(diff)
	}
	if n, ok := Int(Get(doc, "n")); n != 12 || !ok {
		t.Error(n, ok)
	}
	if s, ok := String(Get(doc, "s")); s != "éé😀\ufffd" || !ok {
		t.Errorf("%q %v", s, ok)
	}
	if Get(doc, "a", "zz") != nil || Get(doc, "n", "x") != nil {
		t.Error("found what is not there")
	}
	for _, bad := range []string{`{"a"`, `{"a":`, `{"a":}`, `{"a":1`, `{"a":1 "b":2}`, `{a:1}`, `x`} {
		if err := Object([]byte(bad), func(_, _ []byte) bool { return true }); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestStrings puts everything that matters in a string at every place of the words in which strings are scanned.
func TestStrings(t *testing.T) {
	for _, special := range []string{`"`, `\\`, `\"`, `\\\"`, "\x00", "\x1f", "é", "\x7f", `\n`} {
		for before := range 70 {
			for _, after := range []int{0, 1, 40} {
				inner := strings.Repeat("x", before) + special + strings.Repeat("y", after)
				doc := []byte(`"` + inner + `"`)
				valid := jsontext.Value(doc).IsValid()
				if (Check(doc) == nil) != valid {
					t.Fatalf("%q: valid is %v", doc, valid)
				}
				want := len(doc)
				if special == `"` {
					want = before + 2
				}
				if got := skipString(doc, 0); got != want {
					t.Fatalf("%q ends at %d, want %d", doc, got, want)
				}
				if got := skipString(doc[:want-1], 0); got != -1 {
					t.Fatalf("%q ends at %d", doc[:want-1], got)
				}
			}
		}
	}
}

func BenchmarkCheck64K(b *testing.B) {
	doc := []byte(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"` + strings.Repeat(`lorem ipsum \"dolor\" sit amet `, 2100) + `"}]}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWriter(t *testing.T) {
	w := Writer{B: []byte("data: "), Line: true}
	w.Open('{')
	w.Member("a", "x\n")
	w.Some("none", "")
	w.Name("n").Open('[')
	w.Int(-1)
	w.Float(0.5)
	w.Bool(true)
	w.Base64([]byte{1, 2})
	w.Raw([]byte("{\"b\": 1,\r\n \"c\": \"y  z\"}"))
	w.Raw([]byte(`{"b": 1.0}`))
	w.Close(']')
	w.Rest([]byte(`{"keep":1,"drop":2,"too":[3 ]}`), "drop")
	w.Close('}')
	want := `data: {"a":"x\n","n":[-1,0.5,true,"AQI=",{"b":1,"c":"y  z"},{"b": 1.0}],"keep":1,"too":[3 ]}`
	if string(w.B) != want {
		t.Errorf("\n got %s\nwant %s", w.B, want)
	}
	if err := Check(w.B[len("data: "):]); err != nil {
		t.Error(err)
	}
}
