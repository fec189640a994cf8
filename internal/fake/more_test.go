package fake

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func serveHandler(t *testing.T, h http.Handler) string {
	t.Helper()
	ts := httptest.NewServer(h)
	t.Cleanup(func() {
		ts.CloseClientConnections()
		ts.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return ts.URL
}

func postAny(t *testing.T, path, body string, change func(map[string][]string)) (int, []byte) {
	t.Helper()
	r, _ := http.NewRequest("POST", "http://fake"+path, strings.NewReader(body))
	for _, surface := range []string{"chat", "messages", "gemini"} {
		sign(surface, r.Header, "k")
	}
	if change != nil {
		change(r.Header)
	}
	resp, err := New(Options{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, b
}

func TestEmbeddings(t *testing.T) {
	srv := New(Options{})
	v, _ := decodeAny(post(t, srv, "/v1/embeddings", `{"model":"embed:dims=64","input":["the cat sat","the cat slept","quarterly report"]}`))
	a, b, c := vec(v, "data", 0, "embedding"), vec(v, "data", 1, "embedding"), vec(v, "data", 2, "embedding")
	if len(a) != 64 || math.Abs(dot(a, a)-1) > 1e-4 {
		t.Errorf("%d dimensions, length %v", len(a), dot(a, a))
	}
	if dot(a, b) < dot(a, c)+0.2 {
		t.Errorf("close %v, far %v", dot(a, b), dot(a, c))
	}
	if num(v, "usage", "prompt_tokens") != 3+4+4 {
		t.Errorf("usage %v", dig(v, "usage"))
	}
	v, _ = decodeAny(post(t, srv, "/v1/embeddings", `{"model":"embed","input":"the cat sat","dimensions":64,"encoding_format":"base64"}`))
	raw, err := base64.StdEncoding.DecodeString(str(v, "data", 0, "embedding"))
	if err != nil || len(raw) != 4*64 {
		t.Fatalf("%v, %d bytes", err, len(raw))
	}
	for i := range a {
		if f := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); math.Abs(float64(f)-a[i]) > 1e-6 {
			t.Fatalf("%d: %v and %v", i, f, a[i])
		}
	}
	v, _ = decodeAny(post(t, srv, "/v1/embeddings", `{"model":"embed:dims=4+usage:in=77","input":[[1,2],[3]]}`))
	if len(list(v, "data")) != 2 || num(v, "usage", "total_tokens") != 77 {
		t.Errorf("%v", v)
	}
	v, _ = decodeAny(post(t, srv, "/v1beta/models/embed:embedContent", `{"content":{"parts":[{"text":"the cat sat"}]},"outputDimensionality":64}`))
	if got := vec(v, "embedding", "values"); math.Abs(dot(got, a)-1) > 1e-4 {
		t.Errorf("gemini's vector differs: %v", dot(got, a))
	}
	v, _ = decodeAny(post(t, srv, "/v1beta/models/embed:batchEmbedContents", `{"requests":[{"model":"models/embed","content":{"parts":[{"text":"x"}]}},{"model":"models/embed","content":{"parts":[{"text":"y"}]}}]}`))
	if len(list(v, "embeddings")) != 2 || len(vec(v, "embeddings", 1, "values")) != 1536 {
		t.Errorf("%d embeddings", len(list(v, "embeddings")))
	}
}

func vec(v any, path ...any) []float64 {
	var out []float64
	for _, x := range list(v, path...) {
		out = append(out, x.(float64))
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i := range min(len(a), len(b)) {
		sum += a[i] * b[i]
	}
	return sum
}

// TestCountsAgree: the endpoints that count say what the answer's usage says.
func TestCountsAgree(t *testing.T) {
	srv := New(Options{})
	v, _ := decodeAny(post(t, srv, "/v1/messages/count_tokens", `{"model":"echo","system":"be kind","messages":[{"role":"user","content":"a rather long question"}]}`))
	w, _ := decodeAny(post(t, srv, "/v1/messages", `{"model":"echo","max_tokens":9,"system":"be kind","messages":[{"role":"user","content":"a rather long question"}]}`))
	if n := num(v, "input_tokens"); n != 8 || n != num(w, "usage", "input_tokens") {
		t.Errorf("%v %v", v, w)
	}
	v, _ = decodeAny(post(t, srv, "/v1beta/models/echo:countTokens", `{"generateContentRequest":{"model":"models/echo","system_instruction":{"parts":[{"text":"be kind"}]},"contents":[{"parts":[{"text":"a rather long question"}]}]}}`))
	if num(v, "totalTokens") != 8 {
		t.Errorf("%v", v)
	}
}

// TestSampleFitsSchema draws schemas and checks what is made for them.
func TestSampleFitsSchema(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t, 0)
		text, _ := json.Marshal(schema)
		doc := sample(text, rapid.Uint64().Draw(t, "n"), rapid.Bool().Draw(t, "hard"))
		v, _ := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		c := jsonschema.NewCompiler()
		if err := c.AddResource("x.json", v); err != nil {
			t.Fatal(err)
		}
		inst, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		if err := c.MustCompile("x.json").Validate(inst); err != nil {
			t.Fatalf("%s\n%s\n%v", text, doc, err)
		}
	})
}

func drawSchema(t *rapid.T, depth int) map[string]any {
	kinds := []string{"string", "integer", "number", "boolean", "null", "enum", "const", "nullable"}
	if depth < 3 {
		kinds = append(kinds, "object", "object", "array", "anyOf", "allOf")
	}
	sub := func() map[string]any { return drawSchema(t, depth+1) }
	switch k := rapid.SampledFrom(kinds).Draw(t, "kind"); k {
	case "enum":
		return map[string]any{"enum": []any{"a", 1, nil, map[string]any{"x": 2}}}
	case "const":
		return map[string]any{"const": rapid.SampledFrom([]any{"a", 3.5, false}).Draw(t, "const")}
	case "nullable":
		return map[string]any{"type": []any{rapid.SampledFrom([]string{"string", "integer", "array"}).Draw(t, "type"), "null"}}
	case "string":
		m := map[string]any{"type": "string"}
		if rapid.Bool().Draw(t, "bounded") {
			m["minLength"] = rapid.IntRange(0, 50).Draw(t, "min")
			m["maxLength"] = m["minLength"].(int) + rapid.IntRange(0, 5).Draw(t, "more")
		}
		return m
	case "integer", "number":
		m := map[string]any{"type": k}
		low := rapid.IntRange(-1000, 1000).Draw(t, "low")
		if rapid.Bool().Draw(t, "has low") {
			m[rapid.SampledFrom([]string{"minimum", "exclusiveMinimum"}).Draw(t, "which")] = low
		}
		if rapid.Bool().Draw(t, "has high") {
			m[rapid.SampledFrom([]string{"maximum", "exclusiveMaximum"}).Draw(t, "which")] = low + rapid.IntRange(20, 500).Draw(t, "span")
		}
		if rapid.Bool().Draw(t, "has unit") {
			m["multipleOf"] = rapid.SampledFrom([]float64{1, 2, 5}).Draw(t, "unit")
		}
		return m
	case "array":
		low := rapid.IntRange(0, 4).Draw(t, "min items")
		return map[string]any{"type": "array", "items": sub(), "minItems": low, "maxItems": low + rapid.IntRange(0, 3).Draw(t, "more")}
	case "anyOf":
		return map[string]any{"anyOf": []any{sub(), sub()}}
	case "allOf":
		return map[string]any{"allOf": []any{
			map[string]any{"type": "object", "properties": map[string]any{"a": sub()}, "required": []any{"a"}},
			map[string]any{"properties": map[string]any{"b": sub()}, "required": []any{"b"}}}}
	case "object":
		props, required := map[string]any{}, []any{}
		for i := range rapid.IntRange(0, 4).Draw(t, "properties") {
			name := fmt.Sprintf("p%d\"é", i)
			props[name] = sub()
			if rapid.Bool().Draw(t, "required") {
				required = append(required, name)
			}
		}
		return map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
	default:
		return map[string]any{"type": k}
	}
}

func TestSampleOfRecursiveSchemas(t *testing.T) {
	for _, schema := range []string{
		`{"type":"object","properties":{"child":{"$ref":"#"}}}`,
		`{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]}`,
		`{"$defs":{"n":{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/$defs/n"}}},"required":["kids"]}},"$ref":"#/$defs/n"}`,
	} {
		valid(t, schema, sample([]byte(schema), 1, false))
	}
	// A schema that no finite value fits must still end.
	endless := `{"type":"object","properties":{"me":{"$ref":"#"}},"required":["me"]}`
	if doc := sample([]byte(endless), 1, false); !json.Valid([]byte(doc)) {
		t.Errorf("%s", doc)
	}
	if got := sample([]byte(`{"type":"OBJECT","properties":{"n":{"type":"INTEGER","minimum":3,"maximum":3}}}`), 1, false); got != `{"n":3}` {
		t.Errorf("Gemini's capitals: %s", got)
	}
}

// TestRecordedRequestsAreAccepted sends what vendors accepted: the rules here must not be stricter than theirs.
func TestRecordedRequestsAreAccepted(t *testing.T) {
	dir := filepath.Join(shared(t), "corpus", "dev")
	srv := New(Options{Default: "echo", NoRecord: true})
	for _, name := range []string{"openai-openai-chat", "azure-openai-chat", "openai-openai-responses", "anthropic-anthropic-messages",
		"anthropic-anthropic-count-tokens", "gemini-gemini-generate", "gemini-gemini-count-tokens", "gemini-gemini-embed", "openai-openai-embeddings"} {
		sent, refused := 0, 0
		eachRecord(t, filepath.Join(dir, name+".jsonl"), func(rec record) {
			var kept struct {
				Previous string `json:"previous_response_id"`
				Prompt   struct{ ID string }
			}
			_ = json.Unmarshal(rec.Body, &kept)
			if rec.Status != 200 || rec.Method != "POST" || len(rec.Body) < 3 || kept.Previous+kept.Prompt.ID != "" {
				return // conversations and prompts that the vendor keeps are not known here
			}
			r, _ := http.NewRequest("POST", "http://fake"+path(rec), bytes.NewReader(rec.Body))
			for _, surface := range []string{"chat", "messages", "gemini"} {
				sign(surface, r.Header, "k")
			}
			resp, err := srv.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			sent++
			if resp.StatusCode != 200 || err != nil {
				if refused++; refused <= 5 {
					t.Errorf("%s %s %s: %d %v %.400s\n%.1500s", name, rec.ID, rec.Path, resp.StatusCode, err, b, rec.Body)
				}
			}
		})
		t.Logf("%s: %d sent, %d refused", name, sent, refused)
		if sent == 0 {
			t.Errorf("%s: no requests", name)
		}
	}
}

type record struct {
	ID, Method, Path string
	Query            json.RawMessage
	Status           int
	Body             json.RawMessage `json:"request_body"`
}

// path is the recorded one, where it is one of ours.
func path(r record) string {
	if strings.HasSuffix(r.Path, "/chat/completions") && !strings.HasPrefix(r.Path, "/openai/deployments/") {
		return "/v1/chat/completions"
	}
	return r.Path
}

func eachRecord(t *testing.T, file string, do func(record)) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			var rec record
			if err := json.Unmarshal(line, &rec); err != nil {
				t.Fatal(err)
			}
			do(rec)
		}
		if err != nil {
			return
		}
	}
}

// TestDoc keeps docs/fake.md in step with the catalogue: go test ./internal/fake -run TestDoc -update
func TestDoc(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "fake.md")
	want := Doc()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/fake.md is out of date; run this test with -update")
	}
	for _, s := range Scenarios() {
		if !strings.Contains(want, "`"+s.Name+"`") {
			t.Errorf("%s is missing", s.Name)
		}
	}
}

func TestEveryDefaultIsValid(t *testing.T) {
	for _, s := range Scenarios() {
		var given []string
		for _, o := range s.Options {
			if o.Default != "" {
				given = append(given, o.Name+"="+o.Default)
			}
		}
		if _, err := parse(s.Name + ":" + strings.Join(given, ",")); err != nil {
			t.Error(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range append(healthy, "fail:status=429,retry_after=7", "a+b:c=d,,=,+") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, model string) {
		sc, err := parse(model)
		if (sc == nil) != (err != nil) {
			t.Errorf("%v %v", sc, err)
		}
	})
}

func BenchmarkServe(b *testing.B) {
	srv := New(Options{NoRecord: true})
	for _, s := range surfaces()[:4] {
		for _, q := range []question{{model: "echo", prompt: prompt}, {model: "chat", prompt: prompt}, {model: "echo+stream:chunks=100", prompt: prompt, stream: true}} {
			b.Run(s.name+"/"+q.model, func(b *testing.B) {
				body, _ := json.Marshal(s.body(q))
				w := &discard{h: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest("POST", s.path(q), bytes.NewReader(body))
					sign(s.name, r.Header, "k")
					clear(w.h)
					srv.ServeHTTP(w, r)
				}
			})
		}
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) Flush()                      {}

// FuzzServe: no body makes a handler panic, and every answer is JSON.
func FuzzServe(f *testing.F) {
	paths := []string{"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1beta/models/think+tools:generateContent", "/v1/embeddings",
		"/v1/messages/count_tokens", "/v1beta/models/echo:countTokens", "/v1beta/models/embed:batchEmbedContents"}
	for i, s := range surfaces()[:4] {
		b, _ := json.Marshal(s.body(question{model: "think+tools", prompt: prompt, tools: []toolDef{weather}}))
		f.Add(i, b)
	}
	f.Add(4, []byte(`{"model":"embed:dims=2","input":[[1]],"dimensions":3}`))
	srv := New(Options{Open: true, Default: "echo"})
	f.Fuzz(func(t *testing.T, path int, body []byte) {
		r := httptest.NewRequest("POST", paths[uint(path)%uint(len(paths))], bytes.NewReader(body))
		sign("messages", r.Header, "k")
		ctx, cancel := context.WithTimeout(r.Context(), 100*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r.WithContext(ctx))
		if w.Header().Get("Content-Type") == "application/json" && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
