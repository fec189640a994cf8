package dialect_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidegate/internal/dialect"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata, and docs/translation.md")

// Each file of testdata is a case of the golden matrix: what is said in one dialect, and what becomes of it in the others.
//
// Given are, in the dialect that the name ends in: request.D, and then reply.D (a whole answer), stream.D (a streamed one) or
// error.D (an answer that is not 2xx: the status, headers, an empty line, the body); and target.D, the model that requests to D are
// for, where it is not the usual one. The rest is written with -update, and then read by a person:
//
//	request to D, losses to D    what is sent to a provider of D, and what it could not say: path | grave or mild | why
//	meters                       what the answer consumed
//	reply to D, lost to D        what a client of D gets, and what it does not get
//	frames to D                  what it gets when it streams
//	error to D                   status and body of an error
func TestMatrix(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	m := &matrix{upstream: newVendor(), schemas: replySchemas(t)}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { m.file(t, file) })
	}
}

// TestMatrixFiles: nothing lies in testdata that no test reads.
func TestMatrixFiles(t *testing.T) {
	all, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if filepath.Ext(f.Name()) != ".txtar" {
			t.Errorf("testdata/%s is not a case", f.Name())
		}
	}
}

// matrix is what the cases share.
type matrix struct {
	upstream *vendor
	schemas  map[llm.Dialect][2]*jsonschema.Schema // of a whole answer and of an event; empty without the shared schemas
}

func replySchemas(t *testing.T) map[llm.Dialect][2]*jsonschema.Schema {
	t.Helper()
	if os.Getenv("TIDEGATE_SHARED") == "" {
		t.Log("TIDEGATE_SHARED is not set: answers are not held to the vendors' schemas")
		return nil
	}
	of := func(whole, event string) [2]*jsonschema.Schema {
		return [2]*jsonschema.Schema{corpus.Schema(t, whole), corpus.Schema(t, event)}
	}
	return map[llm.Dialect][2]*jsonschema.Schema{
		llm.OpenAIChat: of("openai-chat", "openai-chat-chunk"),
		llm.Anthropic:  of("anthropic-message", "anthropic-event"),
		llm.Gemini:     of("gemini-generate", "gemini-generate"),
	}
}

// usual are the models of a case that names none.
var usual = map[llm.Dialect]llm.Target{
	llm.OpenAIChat: {Model: "gpt-5.2", Issuer: "openai"},
	llm.Anthropic:  {Model: "claude-sonnet-4-5", Issuer: "anthropic"},
	llm.Gemini:     {Model: "gemini-3.8-flash", Issuer: "google"},
}

// golden is one case.
type golden struct {
	*matrix
	t       *testing.T
	archive *txtar.Archive
	out     []txtar.File
	targets map[llm.Dialect]llm.Target
}

func (m *matrix) file(t *testing.T, file string) {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{matrix: m, t: t, archive: ar, targets: map[llm.Dialect]llm.Target{}}
	for _, s := range surfaces {
		g.targets[s.dialect] = usual[s.dialect]
	}
	given := 0
	for _, f := range ar.Files {
		kind, d, ok := g.given(f.Name)
		if !ok {
			continue
		}
		given++
		g.out = append(g.out, f)
		switch kind {
		case "target":
			g.target(d, strings.TrimSpace(string(f.Data)))
		case "request":
			g.request(d, f.Data)
		case "reply":
			g.reply(d, f.Data)
		case "stream":
			g.stream(d, f.Data)
		case "error":
			g.failure(d, string(f.Data))
		default:
			t.Fatalf("what is %s?", f.Name)
		}
	}
	if given == 0 {
		t.Fatal("nothing is given")
	}
	g.compare(file)
}

// given tells whether a section is a given one, as opposed to what was made of it.
func (g *golden) given(name string) (kind string, d llm.Dialect, ok bool) {
	kind, rest, ok := strings.Cut(name, ".")
	if !ok || strings.Contains(kind, " ") {
		return "", "", false
	}
	if _, known := usual[llm.Dialect(rest)]; !known {
		g.t.Fatalf("%s: no such dialect", name)
	}
	return kind, llm.Dialect(rest), true
}

// target names a model, and an issuer of seals where it is not the dialect's inventor.
func (g *golden) target(d llm.Dialect, line string) {
	model, issuer, ok := strings.Cut(line, " ")
	if !ok {
		issuer = usual[d].Issuer
	}
	g.targets[d] = llm.Target{Model: model, Issuer: issuer}
}

func (g *golden) write(name, text string) {
	if text == "" {
		return
	}
	g.out = append(g.out, txtar.File{Name: name, Data: []byte(strings.TrimSuffix(text, "\n") + "\n")})
}

func (g *golden) compare(file string) {
	g.t.Helper()
	got := &txtar.Archive{Comment: g.archive.Comment, Files: g.out}
	if *update {
		if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
			g.t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(g.archive)), string(txtar.Format(got))); diff != "" {
		g.t.Errorf("not as in %s (-update writes it anew):\n%s", file, diff)
	}
}

// others calls f for every dialect but one, in a fixed order.
func others(d llm.Dialect, f func(llm.Dialect)) {
	for _, s := range surfaces {
		if s.dialect != d {
			f(s.dialect)
		}
	}
}

func (g *golden) request(from llm.Dialect, body []byte) {
	g.t.Helper()
	source := codecOf(g.t, from)
	if _, err := source.Head(body); err != nil {
		g.t.Fatal(err)
	}
	chat, err := source.DecodeRequest(body)
	if err != nil {
		g.t.Fatal(err)
	}
	others(from, func(to llm.Dialect) {
		target := g.targets[to]
		out, losses, err := codecOf(g.t, to).EncodeRequest(chat, target)
		if err != nil {
			g.t.Fatal(err)
		}
		g.write("request to "+string(to), pretty(out))
		g.write("losses to "+string(to), lossLines(losses))
		g.acceptable(chat, to, target, out, losses)
	})
}

// acceptable holds a translated request to the vendor's rules, and to the promise that every loss has a name.
func (g *golden) acceptable(chat *llm.Chat, to llm.Dialect, target llm.Target, out []byte, losses []llm.Loss) {
	g.t.Helper()
	if w := g.upstream.send(g.t, to, target.Model, chat.Stream, out); w.Code != http.StatusOK {
		g.t.Errorf("%s: %d %s", to, w.Code, w.Body)
	}
	for _, s := range shapes[to] {
		if s.in(request{target.Model, parse(out)}) {
			g.t.Errorf("%s refuses: %s", to, s.name)
		}
	}
	arrived, err := codecOf(g.t, to).DecodeRequest(out)
	if err != nil {
		g.t.Errorf("%s: %v", to, err)
		return
	}
	for _, d := range uncovered(viewOf(chat, to), viewOf(arrived, to), losses) {
		g.t.Errorf("%s: %s: %s", to, d.what, d.text)
	}
}

func lossLines(losses []llm.Loss) string {
	var b strings.Builder
	for _, l := range losses {
		fmt.Fprintf(&b, "%s | %s | %s\n", l.Path, gravity(l), l.Why)
	}
	return b.String()
}

func gravity(l llm.Loss) string {
	if l.Grave {
		return "grave"
	}
	return "mild"
}

func (g *golden) reply(from llm.Dialect, body []byte) {
	g.t.Helper()
	reply, err := codecOf(g.t, from).DecodeReply(body, g.targets[from])
	if err != nil {
		g.failed(from, err)
		return
	}
	g.write("meters", meters(reply.Usage))
	g.whole(from, reply)
}

func (g *golden) whole(from llm.Dialect, reply *llm.Reply) {
	g.t.Helper()
	others(from, func(to llm.Dialect) {
		out, losses, err := codecOf(g.t, to).EncodeReply(reply)
		if err != nil {
			g.t.Fatal(err)
		}
		g.write("reply to "+string(to), pretty(out))
		g.write("lost to "+string(to), lossLines(losses))
		if s, ok := g.schemas[to]; ok {
			if err := corpus.Validate(s[0], out); err != nil {
				g.t.Errorf("%s: %v", to, err)
			}
		}
	})
}

// options are what a streaming client asked for, with an id and a time of ours where the upstream has none.
var options = dialect.StreamOptions{Usage: true, ID: "made-1", Model: "made-model", Now: 1_764_000_000}

func (g *golden) stream(from llm.Dialect, body []byte) {
	g.t.Helper()
	steps, err := readStream(g.t, codecOf(g.t, from), g.targets[from], body)
	reply := collect(g.t, steps)
	g.write("meters", meters(reply.Usage))
	if err == nil {
		g.whole(from, reply)
	}
	others(from, func(to llm.Dialect) {
		enc := codecOf(g.t, to).NewStreamEncoder(options)
		var out []byte
		for _, s := range steps {
			out = enc.Append(out, s, false)
		}
		if err != nil {
			out = enc.Fail(out, llm.AsError(err))
		} else {
			out = enc.Close(out)
		}
		g.write("frames to "+string(to), string(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))))
		g.framesFit(to, out)
	})
}

func (g *golden) framesFit(to llm.Dialect, out []byte) {
	g.t.Helper()
	s, ok := g.schemas[to]
	if !ok {
		return
	}
	for line := range bytes.Lines(out) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if !ok || string(data) == "[DONE]" || rawjson.Get(data, "error") != nil {
			continue
		}
		if err := corpus.Validate(s[1], data); err != nil {
			g.t.Errorf("%s: %v: %s", to, err, data)
		}
	}
}

func (g *golden) failure(from llm.Dialect, text string) {
	g.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	status, err := strconv.Atoi(lines[0])
	if err != nil {
		g.t.Fatal(err)
	}
	h := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	g.failed(from, codecOf(g.t, from).DecodeError(status, h, []byte(strings.TrimSuffix(body, "\n"))))
}

func (g *golden) failed(from llm.Dialect, err error) {
	g.t.Helper()
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		g.t.Fatalf("not an error of ours: %v", err)
	}
	g.write("class", fmt.Sprintf("%s, retry after %s", e.Class, e.RetryAfter))
	others(from, func(to llm.Dialect) {
		g.write("error to "+string(to), fmt.Sprintf("%d\n%s", e.HTTPStatus(), pretty(codecOf(g.t, to).EncodeError(e))))
	})
}

func meters(u *llm.Usage) string {
	if u == nil {
		return "none reported\n"
	}
	var b strings.Builder
	for m, n := range u.N {
		if n != 0 {
			fmt.Fprintf(&b, "%s %d\n", llm.MeterNames[m], n)
		}
	}
	if u.Tier != "" {
		fmt.Fprintf(&b, "tier %s\n", u.Tier)
	}
	if u.Billed != "" {
		fmt.Fprintf(&b, "billed %s\n", u.Billed)
	}
	return b.String()
}
