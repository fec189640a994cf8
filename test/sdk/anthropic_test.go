package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

type claude struct {
	client anthropic.Client
	params anthropic.MessageNewParams
}

func newAnthropic(where address, o options) talk {
	t := &claude{client: anthropic.NewClient(
		option.WithBaseURL(where.url), option.WithAPIKey(where.key), option.WithHTTPClient(where.client), option.WithMaxRetries(0),
	)}
	p := &t.params
	p.Model, p.MaxTokens = o.model, 8192
	for _, tool := range o.tools {
		required, _ := tool.schema["required"].([]string)
		u := anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: tool.schema["properties"], Required: required}, tool.name)
		u.OfTool.Description = anthropic.String(tool.about)
		p.Tools = append(p.Tools, u)
	}
	if o.schema != nil {
		p.OutputConfig.Format.Schema = o.schema
	}
	if o.think {
		p.Thinking = anthropic.ThinkingConfigParamOfEnabled(2048)
	}
	return t
}

func (t *claude) add(blocks ...anthropic.ContentBlockParamUnion) {
	t.params.Messages = append(t.params.Messages, anthropic.NewUserMessage(blocks...))
}

func (t *claude) say(text string) { t.add(anthropic.NewTextBlock(text)) }

func (t *claude) show(text string, png []byte) {
	t.add(anthropic.NewTextBlock(text), anthropic.NewImageBlockBase64("image/png", base64.StdEncoding.EncodeToString(png)))
}

func (t *claude) results(calls []call, texts []string) {
	var blocks []anthropic.ContentBlockParamUnion
	for i, c := range calls {
		blocks = append(blocks, anthropic.NewToolResultBlock(c.ID, texts[i], false))
	}
	t.add(blocks...)
}

func (t *claude) ask(ctx context.Context, stream bool) (*answer, error) {
	if !stream {
		m, err := t.client.Messages.New(ctx, t.params)
		if err != nil {
			return nil, err
		}
		return t.told(m), nil
	}
	events := t.client.Messages.NewStreaming(ctx, t.params)
	defer events.Close()
	m := anthropic.Message{}
	for events.Next() {
		if err := m.Accumulate(events.Current()); err != nil {
			return nil, err
		}
	}
	return t.told(&m), events.Err()
}

func (t *claude) told(m *anthropic.Message) *answer {
	t.params.Messages = append(t.params.Messages, m.ToParam())
	u := &m.Usage
	a := &answer{Stop: string(m.StopReason), Usage: usage{
		u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens, u.OutputTokens, u.CacheReadInputTokens,
	}}
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			a.Text += b.Text
		case "thinking":
			a.Thought += b.Thinking
		case "tool_use":
			a.Calls = append(a.Calls, call{b.ID, b.Name, canonical(string(b.Input))})
		}
	}
	if word, ok := map[string]string{
		"end_turn": "stop", "max_tokens": "length", "tool_use": "tools", "refusal": "declined",
	}[a.Stop]; ok {
		a.Stop = word
	}
	return a
}

func anthropicFault(err error) *fault {
	e := (*anthropic.Error)(nil)
	if !errors.As(err, &e) {
		return nil
	}
	var body struct {
		Error struct{ Type, Code, Message string }
	}
	_ = json.Unmarshal([]byte(e.RawJSON()), &body)
	f := &fault{e.StatusCode, body.Error.Code, body.Error.Message}
	if f.code == "" {
		f.code = body.Error.Type
	}
	return f
}
