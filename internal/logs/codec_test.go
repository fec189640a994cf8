package logs

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidegate/internal/llm"
)

// fill sets every field of a value, also those that are added tomorrow, to something that is not its zero.
func fill(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_790_000_000+int64(*n), int64(*n)).UTC()))
		return
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(fmt.Appendf(nil, `{"n":"%d"}`, *n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \xff\x00", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) * -1_000_003)
	case reflect.Uint8:
		v.SetUint(2)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b", "": "c"}))
	default:
		panic(v.Type())
	}
}

func TestCodecKnowsEveryField(t *testing.T) {
	var rec, zero Record
	fill(reflect.ValueOf(&rec).Elem(), new(int))
	for _, want := range []*Record{&rec, &zero} {
		got, err := decodeRecord(appendRecord(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	}
	var bodies Bodies
	fill(reflect.ValueOf(&bodies).Elem(), new(int))
	c := coder{}
	c.bodies(&bodies)
	var got Bodies
	d := coder{dec: true, in: string(c.out)}
	if d.bodies(&got); d.bad || d.in != "" {
		t.Fatalf("bad %v, %d bytes left", d.bad, len(d.in))
	}
	if diff := cmp.Diff(bodies, got); diff != "" {
		t.Fatal(diff)
	}
}

// The order of meters is on disk.
func TestMeterOrder(t *testing.T) {
	known := []string{"input_text", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h", "input_audio", "input_image",
		"output_text", "output_reasoning", "output_audio", "output_image", "searches", "audio_millis", "characters", "images"}
	if !slices.Equal(llm.MeterNames[:len(known)], known) {
		t.Fatal("meters may only be added at the end: spools in the field have the others by their index")
	}
}

// TestCodecVersions decodes what a version with fewer and one with more fields would have written.
func TestCodecVersions(t *testing.T) {
	var rec Record
	fill(reflect.ValueOf(&rec).Elem(), new(int))
	rec.Attempts = nil
	full := appendRecord(nil, &rec)
	older := full[:len(full)-2] // without Bodies and Attempts
	got, err := decodeRecord(older)
	if err != nil {
		t.Fatal(err)
	}
	want := rec
	want.Bodies = false
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Fatal(diff)
	}
	if got, err = decodeRecord(append(slices.Clone(full), "a field from the future"...)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&rec, got); diff != "" {
		t.Fatal(diff)
	}
	// The same within an attempt.
	c := coder{out: []byte{}}
	n := 1
	number(&c, &n)
	c.nested(func(c *coder) {
		a := Attempt{N: 7, Provider: "p"}
		number(c, &a.N)
		text(c, &a.Provider)
	})
	var list []Attempt
	d := coder{dec: true, in: string(c.out)}
	if d.attempts(&list); d.bad {
		t.Fatal("bad")
	}
	if diff := cmp.Diff([]Attempt{{N: 7, Provider: "p"}}, list); diff != "" {
		t.Fatal(diff)
	}
}

func TestNestedLengths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 1<<20).Draw(t, "size")
		s := string(make([]byte, size))
		c := coder{}
		c.nested(func(c *coder) { text(c, &s) })
		after := "after"
		text(&c, &after)
		var got, gotAfter string
		d := coder{dec: true, in: string(c.out)}
		d.nested(func(c *coder) { text(c, &got) })
		if text(&d, &gotAfter); d.bad || len(got) != size || gotAfter != after {
			t.Fatalf("bad %v, %d bytes, then %q", d.bad, len(got), gotAfter)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	var rec Record
	fill(reflect.ValueOf(&rec).Elem(), new(int))
	f.Add(appendRecord(nil, &rec))
	f.Add(appendRecord(nil, &Record{}))
	f.Add([]byte{format})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		again, err := decodeRecord(appendRecord(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func benchRecord() *Record {
	r := &Record{
		ID: "019abcde-0000-7000-8000-000000000001", At: time.Unix(1_790_000_000, 5).UTC(), Surface: llm.OpenAIChat, Method: "POST",
		Path: "/v1/chat/completions", Key: "key_01J0", Team: "platform", User: "ada", EndUser: "u1", Session: "s1", Tags: []string{"prod"},
		Metadata: []byte(`{"feature":"search"}`), Trace: "0af7651916cd43dd8448eb211c80319c", Span: "b7ad6b7169203331", Called: "gpt-4",
		Provider: "openai", Model: "gpt-4o", Route: "priority 1 of 2", Status: 200, Outcome: OK, Cache: "miss", Stop: llm.StopEnd,
		FirstByte: 1e8, Total: 1e9, Overhead: 1e5, BytesIn: 2000, BytesOut: 900,
		Attempts: []Attempt{{N: 1, Provider: "openai", Model: "gpt-4o", Credential: "main", At: time.Unix(1_790_000_000, 6).UTC(), Status: 200, Sent: true}},
	}
	r.Attempts[0].Usage.N[llm.InputText] = 1200
	r.Attempts[0].Usage.Raw = []byte(`{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500}`)
	return r
}

func BenchmarkEncode(b *testing.B) {
	r, buf := benchRecord(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRecord(buf[:0], r)
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}

func BenchmarkDecode(b *testing.B) {
	buf := appendRecord(nil, benchRecord())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeRecord(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPack measures compression on prompts as agents send them: each repeats the one before and adds to it.
func BenchmarkPack(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		w := make([]byte, 2+r.IntN(8))
		for i := range w {
			w[i] = byte('a' + r.IntN(26))
		}
		return string(w)
	}
	vocabulary := make([]string, 4000)
	for i := range vocabulary {
		vocabulary[i] = word()
	}
	sentence := func(n int) []byte {
		var s []byte
		for range n {
			s = append(append(s, vocabulary[min(r.IntN(4000), r.IntN(4000))]...), ' ')
		}
		return s
	}
	var list []heldBodies
	raw := 0
	for session := range 4 {
		prompt := sentence(4000)
		for range 10 {
			prompt = append(slices.Clone(prompt), sentence(100)...)
			h := heldBodies{id: "x", session: fmt.Sprint(session), bodies: &Bodies{Request: prompt, Response: sentence(100)}}
			list = append(list, h)
			raw += len(prompt) + len(h.bodies.Response)
		}
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	p := newPacker()
	b.SetBytes(int64(raw))
	size := 0
	for b.Loop() {
		size = 0
		for _, c := range p.pack(slices.Clone(list), time.Time{}) {
			size += len(c.Data)
		}
	}
	b.ReportMetric(float64(raw)/float64(size), "ratio")
}
