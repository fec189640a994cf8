package dialect_test

import (
	"slices"
	"testing"

	"tidegate/internal/llm"
)

func conversation() *llm.Chat {
	return &llm.Chat{
		System: []llm.Part{llm.Text{Text: "s", Mark: &llm.CacheMark{}}},
		Messages: []llm.Message{
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "q"}, llm.Media{Type: "image/png", Data: []byte{1}, Detail: "high"}}},
			{Role: llm.RoleAssistant, Parts: []llm.Part{
				llm.Thought{Text: "t", Seal: &llm.Seal{Issuer: "i", Data: "d"}}, llm.Text{Text: "a"},
				llm.Call{ID: "1", Name: "f", Args: `{"x":1}`}, llm.Call{ID: "2", Name: "f", Args: `{"x":2}`},
			}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Result{CallID: "1", Parts: []llm.Part{llm.Text{Text: "one"}}}, llm.Result{CallID: "2", Parts: []llm.Part{llm.Text{Text: "two"}}}}},
		},
		Tools:    []llm.Tool{{Name: "f", Description: "d", Schema: []byte(`{"type":"object","properties":{"x":{"type":"integer","minimum":1}}}`)}},
		Choice:   llm.ToolChoice{Mode: llm.ToolAny},
		Sampling: llm.Sampling{Temperature: new(0.5), MaxTokens: new(int64(9)), Stop: []string{"x"}},
		Thinking: llm.Thinking{Effort: "low"},
		Output:   llm.Output{Kind: "schema", Schema: []byte(`{"type":"object"}`)},
		Ext:      llm.Ext{llm.OpenAIChat: []byte(`{"store":true}`)},
	}
}

// TestComparison: what the comparison of requests is for is found by it, and explained by a loss that names it, and by no other.
func TestComparison(t *testing.T) {
	message := func(i int) func(*llm.Chat) *[]llm.Part {
		return func(c *llm.Chat) *[]llm.Part { return &c.Messages[i].Parts }
	}
	for name, tt := range map[string]struct {
		change func(c *llm.Chat)
		what   string
		loss   string
	}{
		"system gone":     {func(c *llm.Chat) { c.System = nil }, "system", "system.0"},
		"text altered":    {func(c *llm.Chat) { (*message(0)(c))[0] = llm.Text{Text: "Q"} }, "text", "messages.0.content.0"},
		"role altered":    {func(c *llm.Chat) { c.Messages[0].Role = llm.RoleSystem }, "text", "messages.0.role"},
		"text moved":      {func(c *llm.Chat) { p := *message(1)(c); p[1], p[2] = p[2], p[1] }, "text", "messages.1.content"},
		"text invented":   {func(c *llm.Chat) { p := message(0)(c); *p = append(*p, llm.Text{Text: "more"}) }, "text", "messages"},
		"media altered":   {func(c *llm.Chat) { (*message(0)(c))[1] = llm.Media{Type: "image/png", Data: []byte{2}} }, "media", "messages.0.content.1"},
		"detail gone":     {func(c *llm.Chat) { (*message(0)(c))[1] = llm.Media{Type: "image/png", Data: []byte{1}} }, "detail", "messages.0.content.1.detail"},
		"thought gone":    {func(c *llm.Chat) { p := message(1)(c); *p = (*p)[1:] }, "thoughts", "messages.1.content.0"},
		"seal altered":    {func(c *llm.Chat) { (*message(1)(c))[0] = llm.Thought{Text: "t"} }, "signature", "messages.1.content.0.signature"},
		"call gone":       {func(c *llm.Chat) { p := message(1)(c); *p = (*p)[:3] }, "calls", "messages.1.content.3"},
		"arguments":       {func(c *llm.Chat) { (*message(1)(c))[2] = llm.Call{ID: "1", Name: "f", Args: `{"x":3}`} }, "calls", "messages.1.content.2.arguments"},
		"result altered":  {func(c *llm.Chat) { (*message(2)(c))[0] = llm.Result{CallID: "1"} }, "results", "messages.2.content.0"},
		"result of other": {func(c *llm.Chat) { p := *message(2)(c); p[0], p[1] = swap(p[0], p[1]) }, "results", "messages.2"},
		"mark gone":       {func(c *llm.Chat) { c.System[0] = llm.Text{Text: "s"} }, "cache_control", "system.0.cache_control"},
		"tool gone":       {func(c *llm.Chat) { c.Tools = nil; c.Choice = llm.ToolChoice{} }, "tool name", "tools.0"},
		"schema altered":  {func(c *llm.Chat) { c.Tools[0].Schema = []byte(`{"type":"object"}`) }, "tool parameters", "tools.0.parameters"},
		"tool invented":   {func(c *llm.Chat) { c.Tools = append(c.Tools, llm.Tool{Name: "g"}) }, "invented", ""},
		"choice":          {func(c *llm.Chat) { c.Choice.Mode = llm.ToolAuto }, "tool_choice", "tool_choice"},
		"temperature":     {func(c *llm.Chat) { c.Sampling.Temperature = nil }, "temperature", "temperature"},
		"limit":           {func(c *llm.Chat) { c.Sampling.MaxTokens = new(int64(8)) }, "max_tokens", "max_tokens"},
		"stop":            {func(c *llm.Chat) { c.Sampling.Stop = nil }, "stop", "stop"},
		"thinking":        {func(c *llm.Chat) { c.Thinking = llm.Thinking{Off: true} }, "thinking", "thinking"},
		"format":          {func(c *llm.Chat) { c.Output = llm.Output{} }, "response_format", "response_format"},
		"member gone":     {func(c *llm.Chat) { c.Ext = nil }, "members", "store"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, arrived := conversation(), conversation()
			for _, l := range uncovered(viewOf(asked, llm.Gemini), viewOf(arrived, llm.Gemini), storeLost) {
				t.Errorf("the same: %v", l)
			}
			tt.change(arrived)
			of := func(losses ...llm.Loss) []difference {
				if tt.loss != "store" {
					losses = append(losses, storeLost...)
				}
				return uncovered(viewOf(asked, llm.Gemini), viewOf(arrived, llm.Gemini), losses)
			}
			if got := of(llm.Loss{Path: "messages.9"}); !slices.ContainsFunc(got, func(d difference) bool { return d.what == tt.what }) {
				t.Errorf("not found, but %v", got)
			}
			if tt.loss == "" {
				return
			}
			for _, d := range of(llm.Loss{Path: tt.loss}) {
				if d.what == tt.what {
					t.Errorf("not explained: %v", d)
				}
			}
		})
	}
}

// storeLost is what nobody but OpenAI can be told, changed or not.
var storeLost = []llm.Loss{{Path: "store"}}

// swap exchanges what two results say.
func swap(a, b llm.Part) (x, y llm.Part) {
	first, _ := a.(llm.Result)
	second, _ := b.(llm.Result)
	first.Parts, second.Parts = second.Parts, first.Parts
	return first, second
}
