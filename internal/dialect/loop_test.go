package dialect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// TestThoughtsReturn: a client of every surface works through a loop of tool calls with a model behind every dialect, echoing the
// answers as its ecosystem does. The vendor signs its reasoning, and refuses what comes back altered or not at all (E1).
func TestThoughtsReturn(t *testing.T) {
	const model = "think+tools:rounds=4,n=2"
	for _, surface := range surfaces {
		for _, behind := range surfaces {
			t.Run(fmt.Sprintf("%s before %s", surface.dialect, behind.dialect), func(t *testing.T) {
				client := &agent{dialect: surface.dialect, turns: []string{asks[surface.dialect]}}
				upstream := newVendor()
				target := llm.Target{Model: model, Issuer: usual[behind.dialect].Issuer}
				if behind.dialect == llm.OpenAIChat {
					target.Issuer = "deepseek" // whose reasoning comes in the clear; OpenAI's own shows none in this API
				}
				for round := range 5 {
					chat, err := codecOf(t, surface.dialect).DecodeRequest([]byte(client.request()))
					if err != nil {
						t.Fatal(err)
					}
					out, _, err := codecOf(t, behind.dialect).EncodeRequest(chat, target)
					if err != nil {
						t.Fatal(err)
					}
					w := upstream.send(t, behind.dialect, model, false, out)
					if w.Code != 200 {
						t.Fatalf("round %d: %d %s\n%s", round, w.Code, w.Body, out)
					}
					reply, err := codecOf(t, behind.dialect).DecodeReply(w.Body.Bytes(), target)
					if err != nil {
						t.Fatal(err)
					}
					answer, _, err := codecOf(t, surface.dialect).EncodeReply(reply)
					if err != nil {
						t.Fatal(err)
					}
					if client.echo(t, answer) != (round < 4) {
						t.Fatalf("round %d: tools called, or not: %s", round, answer)
					}
				}
			})
		}
	}
}

// agent is a client that calls the tools that it is told to, and keeps the conversation as documents of its dialect.
type agent struct {
	dialect llm.Dialect
	turns   []string
}

var asks = map[llm.Dialect]string{
	llm.OpenAIChat: `{"role":"user","content":"Go."}`,
	llm.Anthropic:  `{"role":"user","content":"Go."}`,
	llm.Gemini:     `{"role":"user","parts":[{"text":"Go."}]}`,
}

var envelopes = map[llm.Dialect]string{
	llm.OpenAIChat: `{"model":"m","reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}],"messages":[%s]}`,
	llm.Anthropic:  `{"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":4000},"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}],"messages":[%s]}`,
	llm.Gemini:     `{"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":4000}},"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"a":{"type":"string"}}}}]}],"contents":[%s]}`,
}

func (a *agent) request() string {
	return fmt.Sprintf(envelopes[a.dialect], strings.Join(a.turns, ","))
}

// echo keeps the answer as it came, and the results of its calls; false when there were none.
func (a *agent) echo(t *testing.T, answer []byte) bool {
	t.Helper()
	var said jsontext.Value
	var results []string
	each := func(list []byte, f func(v []byte)) {
		_ = rawjson.Array(list, func(_ int, v []byte) bool { f(v); return true })
	}
	switch a.dialect {
	case llm.OpenAIChat:
		each(rawjson.Get(answer, "choices"), func(v []byte) { said = rawjson.Get(v, "message") })
		a.turns = append(a.turns, string(said))
		each(rawjson.Get(said, "tool_calls"), func(v []byte) {
			a.turns = append(a.turns, fmt.Sprintf(`{"role":"tool","tool_call_id":%s,"content":"ok"}`, rawjson.Get(v, "id")))
			results = append(results, "")
		})
		return len(results) > 0
	case llm.Anthropic:
		said = rawjson.Get(answer, "content")
		a.turns = append(a.turns, `{"role":"assistant","content":`+string(said)+`}`)
		each(said, func(v []byte) {
			if id := rawjson.Get(v, "id"); id != nil {
				results = append(results, fmt.Sprintf(`{"type":"tool_result","tool_use_id":%s,"content":"ok"}`, id))
			}
		})
		a.turns = append(a.turns, `{"role":"user","content":[`+strings.Join(results, ",")+`]}`)
	case llm.Gemini:
		each(rawjson.Get(answer, "candidates"), func(v []byte) { said = rawjson.Get(v, "content") })
		a.turns = append(a.turns, string(said))
		each(rawjson.Get(said, "parts"), func(v []byte) {
			if call := rawjson.Get(v, "functionCall"); call != nil {
				results = append(results, fmt.Sprintf(`{"functionResponse":{"id":%s,"name":%s,"response":{"output":"ok"}}}`, rawjson.Get(call, "id"), rawjson.Get(call, "name")))
			}
		})
		a.turns = append(a.turns, `{"role":"user","parts":[`+strings.Join(results, ",")+`]}`)
	}
	return len(results) > 0
}
