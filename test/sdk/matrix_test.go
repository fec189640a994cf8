package sdk

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// weather and stock are two tools whose arguments have every type of JSON.
var tools = []tool{
	{"get_weather", "The weather of a place.", map[string]any{
		"type": "object",
		"properties": map[string]any{
			"place": map[string]any{"type": "string", "description": "a town"},
			"days":  map[string]any{"type": "integer", "minimum": 1, "maximum": 14},
			"unit":  map[string]any{"type": "string", "enum": []string{"celsius", "fahrenheit"}},
			"at":    map[string]any{"type": "object", "properties": map[string]any{"lat": map[string]any{"type": "number"}}, "required": []string{"lat"}},
			"tags":  map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
		},
		"required": []string{"place", "days", "unit", "at", "tags"},
	}},
	{"get_stock", "The price of a share.", map[string]any{
		"type": "object", "properties": map[string]any{"symbol": map[string]any{"type": "string"}, "live": map[string]any{"type": "boolean"}},
		"required": []string{"symbol", "live"},
	}},
}

// TestTools covers one to three parallel calls in every layout that streams have been seen to use, and sends the results back.
func TestTools(t *testing.T) {
	layouts := []string{"sequential", "interleaved", "whole", "same_index", "missing_id", "empty_args", "escapes"}
	each(t, func(t *testing.T, l *line, stream bool) {
		for _, layout := range layouts {
			for n := 1; n <= 3; n++ {
				t.Run(fmt.Sprintf("%s %d", layout, n), func(t *testing.T) {
					broken := stream && l.upstream.name == "openai" && (layout == "same_index" && n > 1 || layout == "missing_id")
					if broken && l.client.name == "openai" {
						t.Skip("a stream of the client's own dialect is passed on as it is, with the upstream's mistakes")
					}
					l.callTools(t, layout, n, stream, broken)
				})
			}
		}
	})
}

func (l *line) callTools(t *testing.T, layout string, n int, stream, broken bool) {
	o := options{model: fmt.Sprintf("tools:n=%d,layout=%s%s", n, layout, counted), tools: tools}
	c := l.talk(o)
	c.say("How are Oslo and ACME?")
	var got *answer
	if broken { // not even the vendor's SDK can read it: the same calls in another layout are what was meant
		sound := o
		sound.model = strings.Replace(o.model, layout, "sequential", 1)
		d := l.talk(sound)
		d.say("How are Oslo and ACME?")
		want, err := d.ask(within(t), stream)
		if err != nil {
			t.Fatal(err)
		}
		if got, err = c.ask(within(t), stream); err != nil {
			t.Fatal(err)
		}
		plain := *got
		plain.Calls = append([]call{}, got.Calls...)
		forget(&plain)
		forget(want)
		if diff := cmp.Diff(want, &plain); diff != "" {
			t.Errorf("not what the upstream said (-want +got):\n%s", diff)
		}
	} else {
		var err error
		if got, err = c.ask(within(t), stream); err != nil {
			t.Fatal(err)
		}
		want, have := l.said(t, o, stream), *got
		have.Calls = append([]call{}, got.Calls...)
		if !carriesIDs(l) {
			forget(want)
			forget(&have)
		}
		if diff := cmp.Diff(want, &have); diff != "" {
			t.Errorf("not what the upstream said (-want +got):\n%s", diff)
		}
	}
	if len(got.Calls) != n || got.Stop != "tools" {
		t.Fatalf("%d calls and stop %q", len(got.Calls), got.Stop)
	}
	l.logged(t, got.Usage, stream)
	seen := map[string]bool{}
	var texts []string
	for i, call := range got.Calls {
		if seen[call.ID] && call.ID != "" {
			t.Errorf("two calls have the id %q", call.ID)
		}
		seen[call.ID] = true
		texts = append(texts, fmt.Sprintf(`result %d: 21 °C, "mild"`, i))
	}
	c.results(got.Calls, texts)
	end := l.check(t, c, o, stream)
	if end.Text == "" || end.Stop != "stop" || len(end.Calls) > 0 {
		t.Errorf("after the results: %+v", end)
	}
	sent := canonical(string(l.recorder.tape(t, l.id()).request))
	for _, text := range texts {
		if !strings.Contains(sent, strings.Trim(canonicalText(text), `"`)) {
			t.Errorf("the upstream did not get %q in %s", text, sent)
		}
	}
}

func TestStructured(t *testing.T) {
	schema := map[string]any{
		"type": "object", "additionalProperties": false,
		"properties": map[string]any{
			"name":  map[string]any{"type": "string"},
			"level": map[string]any{"type": "integer"},
			"kind":  map[string]any{"type": "string", "enum": []string{"spring", "neap"}},
			"times": map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
		},
		"required": []string{"name", "level", "kind", "times"},
	}
	each(t, func(t *testing.T, l *line, stream bool) {
		o := options{model: "chat" + counted, schema: schema}
		c := l.talk(o)
		if l.upstream.name == "anthropic" { // which of these models can be held to a schema is known by their names
			c = l.client.begin(address{l.gateway.URL, clientKey, clientOf(l)}, options{model: "named/claude-sonnet-5", schema: schema})
		}
		c.say("Describe the tide.")
		a := l.check(t, c, o, stream)
		for _, member := range []string{`"name"`, `"level"`, `"kind"`, `"times"`} {
			if canonical(a.Text)[0] != '{' || !strings.Contains(a.Text, member) {
				t.Errorf("the answer does not follow the schema: %s", a.Text)
			}
		}
		if row := l.gateway.Logged(t, l.id()); row.InputTokens != 1200 || row.Outcome != "ok" {
			t.Errorf("log row: %+v", row)
		}
	})
}

func TestImage(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\nnot a real picture, which nobody looks at")
	each(t, func(t *testing.T, l *line, stream bool) {
		o := options{model: "echo" + counted}
		c := l.talk(o)
		c.show("What is in the picture?", png)
		if a := l.check(t, c, o, stream); a.Text != "What is in the picture?" {
			t.Errorf("the upstream read %q", a.Text)
		}
		if sent := string(l.recorder.tape(t, l.id()).request); !strings.Contains(sent, base64.StdEncoding.EncodeToString(png)) {
			t.Errorf("the picture did not reach the upstream: %s", sent)
		}
	})
}

// TestThinking sends signed thoughts there and back: the upstream refuses a history in which they are missing or altered.
func TestThinking(t *testing.T) {
	each(t, func(t *testing.T, l *line, stream bool) {
		o := options{model: "think+tools:n=2,rounds=2" + counted + ",reasoning=120", tools: tools, think: true}
		c := l.talk(o)
		c.say("How are Oslo and ACME?")
		for round := range 2 {
			a, err := c.ask(within(t), stream)
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if len(a.Calls) != 2 || a.Thought == "" {
				t.Fatalf("round %d: %+v", round, a)
			}
			if a.Usage != (usage{1200, 300, 200}) {
				t.Errorf("usage %+v", a.Usage)
			}
			l.logged(t, a.Usage, stream)
			c.results(a.Calls, []string{"mild", "up"})
		}
		end := l.check(t, c, o, stream)
		if end.Text == "" || end.Thought == "" || end.Stop != "stop" {
			t.Errorf("at the end: %+v", end)
		}
		c.say("Thank you. And tomorrow?")
		if again, err := c.ask(within(t), stream); err != nil || len(again.Calls) != 2 {
			t.Errorf("the next turn: %+v, %v", again, err)
		}
	})
}

func TestStopReasons(t *testing.T) {
	each(t, func(t *testing.T, l *line, stream bool) {
		for scenario, stop := range map[string]string{"length": "length", "refuse": "declined", "filter": "declined"} {
			t.Run(scenario, func(t *testing.T) {
				o := options{model: scenario + counted}
				c := l.talk(o)
				c.say("Tell me about the sea.")
				if a := l.check(t, c, o, stream); a.Stop != stop {
					t.Errorf("stop %q, want %q: %+v", a.Stop, stop, a)
				}
			})
		}
	})
}
