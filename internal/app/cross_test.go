package app

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
)

// minimal is the smallest request of each surface.
var minimal = map[llm.Dialect]string{
	llm.OpenAIChat: `{"model":"up/m","messages":[{"role":"user","content":"hi"}]}`,
	llm.Anthropic:  `{"model":"up/m","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`,
	llm.Gemini:     `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
}

var streamed = map[llm.Dialect]string{
	llm.OpenAIChat: `{"model":"up/m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`,
	llm.Anthropic:  `{"model":"up/m","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`,
	llm.Gemini:     `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
}

// schemas are those that replies and events of a surface must satisfy.
var schemas = map[llm.Dialect][2]string{
	llm.OpenAIChat: {"openai-chat", "openai-chat-chunk"},
	llm.Anthropic:  {"anthropic-message", "anthropic-event"},
	llm.Gemini:     {"gemini-generate", "gemini-generate"},
}

// TestReplayCross: for every recorded answer and every surface of another dialect, that surface's client receives the same text,
// reasoning, tool calls, stop reason and usage, in a valid grammar, by the surface's own schema.
func TestReplayCross(t *testing.T) {
	corpus.Shared(t)
	c := newTally(t)
	defer c.report()
	compiled := map[string]*jsonschema.Schema{}
	for _, names := range schemas {
		for _, name := range names {
			compiled[name] = corpus.Schema(t, name)
		}
	}
	rigs := map[string]*rig{}
	for surface, from := range surfaces {
		for _, rec := range corpus.Read(t, surface) {
			if rec.Status >= 300 || rec.Framing == "json-array" || rec.ResponseEncoding != "utf8" || rec.Facts.Error != nil {
				continue
			}
			r := rigs[surface+rec.Provider]
			if r == nil {
				r = newRig(t, rec.Provider, from)
				rigs[surface+rec.Provider] = r
			}
			for _, to := range []llm.Dialect{llm.OpenAIChat, llm.Anthropic, llm.Gemini} {
				if to != from {
					replayed.Add(1)
					cross(t, c, r, rec, from, to, compiled)
				}
			}
		}
	}
}

func cross(t *testing.T, c *tally, r *rig, rec *corpus.Record, from, to llm.Dialect, compiled map[string]*jsonschema.Schema) {
	t.Helper()
	stream := rec.Framing == "sse"
	request := minimal[to]
	if stream {
		request = streamed[to]
	}
	r.player.step = int(rec.ID[0]) % 3 * 7 // all at once, or in small pieces
	w := r.call(t, rec, to, []byte(request), "up/m", stream)
	what := string(from) + " to " + string(to)
	body := w.Body.Bytes()
	got, err := hear(to, stream, body)
	if w.Code != 200 || err != nil {
		c.check(what+" answered", rec, broken(rec), "%d %v %.300s", w.Code, err, body)
		return
	}
	c.check(what+" answered", rec, true, "")
	f := &rec.Facts
	if why := unseen(rec); why != "" { // the independent decoder did not see all that is in the recording
		c.passed[what+" not compared: "+why]++
		return
	}
	c.check(what+" grammar", rec, got.grammar == nil, "%v", got.grammar)
	c.check(what+" text", rec, alike(got.text, f.Text) || strings.HasPrefix(got.text, f.Text) && f.Rest["refusal"] != nil, "got %.200q want %.200q", got.text, f.Text)
	hidden := f.Reasoning == "" && strings.Contains(rec.ResponseBody, `"reasoning_details"`) // which the independent decoder does not read
	c.check(what+" reasoning", rec, hidden || alike(got.thought, f.Reasoning), "got %.200q want %.200q", got.thought, f.Reasoning)
	checkCalls(c, what, rec, got, to)
	c.check(what+" stop", rec, stopFits(rec, got.finish, to), "got %q for %s", got.finish, f.Finish)
	if want, known := expectedUsage(rec); known && !strings.Contains(rec.ResponseBody, `"iterations"`) {
		if to != llm.Anthropic { // others have no word for written; it stays part of the input
			got.usage.written = want.written
		}
		if to == llm.Anthropic && got.usage.reasoning == 0 {
			want.reasoning = 0
		}
		c.check(what+" usage", rec, got.metered && got.usage == want, "got %+v want %+v (%v)", got.usage, want, f.Usage)
	}
	if err := valid(compiled, to, stream, body); err != nil {
		c.check(what+" schema", rec, false, "%.400v", err)
	} else {
		c.check(what+" schema", rec, true, "")
	}
}

// broken tells of recordings that have no end, fail inside, or hold no answer at all.
func broken(rec *corpus.Record) bool {
	return len(rec.Facts.Finish) == 0 || string(rec.Facts.Finish[0]) == "null" || inside.MatchString(rec.ResponseBody)
}

var (
	inside  = regexp.MustCompile(`"error": ?\{`)
	strange = regexp.MustCompile(`"content": ?[{]|"content_list":`)
)

// unseen says what the recordings' own decoder could not see: two answers in one body, content that is no text, and calls
// that came in pieces.
func unseen(rec *corpus.Record) string {
	switch {
	case strings.Count(rec.ResponseBody, "event: message_start") > 1:
		return "two answers in one body"
	case strange.MatchString(rec.ResponseBody) && rec.Surface == "openai-chat":
		return "content that is no text"
	case slices.ContainsFunc(rec.Facts.Calls, func(c corpus.Call) bool { return c.Partial || c.Name == "" }):
		return "calls in pieces"
	}
	return ""
}

// alike compares texts. Facts keep the first 20,000 characters.
func alike(got, want string) bool {
	const kept = 20_000
	if n := len([]rune(want)); n == kept {
		return strings.HasPrefix(got, want)
	}
	return got == want
}

func valid(compiled map[string]*jsonschema.Schema, to llm.Dialect, stream bool, body []byte) error {
	if !stream {
		return corpus.Validate(compiled[schemas[to][0]], body)
	}
	for _, ev := range events(body) {
		if ev.data == "[DONE]" {
			continue
		}
		if err := corpus.Validate(compiled[schemas[to][1]], []byte(ev.data)); err != nil {
			return err
		}
	}
	return nil
}

func checkCalls(c *tally, what string, rec *corpus.Record, got *said, to llm.Dialect) {
	want := rec.Facts.Calls
	if len(got.calls) != len(want) {
		c.check(what+" calls", rec, false, "got %v want %v", got.calls, want)
		return
	}
	ids := map[string]bool{}
	for i, g := range got.calls {
		ok := g.name == want[i].Name && sameArgs(g.args, string(want[i].Arguments), to)
		if to != llm.Gemini {
			ok = ok && g.id != "" && !ids[g.id]
		}
		ids[g.id] = true
		if !ok {
			c.check(what+" calls", rec, false, "got %+v want %+v", g, want[i])
			return
		}
	}
	c.check(what+" calls", rec, true, "")
}

// sameArgs compares as JSON. Facts hold arguments that do not parse as a string; dialects that only take objects wrap them.
func sameArgs(got, want string, to llm.Dialect) bool {
	var g, w any
	if json.Unmarshal([]byte(want), &w) != nil {
		return false
	}
	if s, ok := w.(string); ok {
		if got == s || s == "" && (got == "" || got == "{}") {
			return true
		}
		return to != llm.OpenAIChat && strings.Contains(got, "arguments")
	}
	if w == nil {
		w = map[string]any{}
		if got == "null" { // a stream passes on what the model wrote
			got = "{}"
		}
	}
	if got == "" {
		got = "{}"
	}
	return json.Unmarshal([]byte(got), &g) == nil && reflect.DeepEqual(g, w)
}

// stops are the words that each surface may use for what the provider said. Tool calls win over a plain stop.
var stops = map[string]map[llm.Dialect]string{
	"end":      {llm.OpenAIChat: "stop", llm.Anthropic: "end_turn", llm.Gemini: "STOP"},
	"length":   {llm.OpenAIChat: "length", llm.Anthropic: "max_tokens", llm.Gemini: "MAX_TOKENS"},
	"tools":    {llm.OpenAIChat: "tool_calls", llm.Anthropic: "tool_use", llm.Gemini: "STOP"},
	"sequence": {llm.OpenAIChat: "stop", llm.Anthropic: "stop_sequence", llm.Gemini: "STOP"},
	"filtered": {llm.OpenAIChat: "content_filter", llm.Anthropic: "refusal", llm.Gemini: "SAFETY"},
	"refusal":  {llm.OpenAIChat: "content_filter", llm.Anthropic: "refusal", llm.Gemini: "SAFETY"},
	"pause":    {llm.OpenAIChat: "stop", llm.Anthropic: "pause_turn", llm.Gemini: "STOP"},
}

var meaning = map[string]string{
	"stop": "end", "end_turn": "end", "STOP": "end", "1": "end", "eos": "end",
	"length": "length", "max_tokens": "length", "MAX_TOKENS": "length", "2": "length",
	"tool_calls": "tools", "function_call": "tools", "tool_use": "tools",
	"stop_sequence": "sequence", "content_filter": "filtered", "SAFETY": "filtered", "MODEL_ARMOR": "filtered",
	"refusal": "refusal", "pause_turn": "pause",
}

func stopFits(rec *corpus.Record, got string, to llm.Dialect) bool {
	word := ""
	for _, f := range rec.Facts.Finish[:min(1, len(rec.Facts.Finish))] {
		word = strings.Trim(string(f), `"`)
	}
	what := meaning[word]
	if word == "UNEXPECTED_TOOL_CALL" {
		return got == stops["tools"][to] || got == stops["end"][to]
	}
	if len(rec.Facts.Calls) > 0 && (what == "end" || what == "") {
		what = "tools"
	}
	if what == "" {
		return true // a word that nobody else has: any is as good
	}
	if rec.Facts.Rest["refusal"] != nil && what == "end" {
		return true
	}
	return got == stops[what][to]
}
