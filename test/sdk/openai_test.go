package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/respjson"
	"github.com/openai/openai-go/v3/shared"
)

type openAI struct {
	client  openai.Client
	options options
	params  openai.ChatCompletionNewParams
}

func newOpenAI(where address, o options) talk {
	t := &openAI{options: o, client: openai.NewClient(
		option.WithBaseURL(where.url+"/v1"), option.WithAPIKey(where.key), option.WithHTTPClient(where.client), option.WithMaxRetries(0),
	)}
	p := &t.params
	p.Model = o.model
	for _, tool := range o.tools {
		p.Tools = append(p.Tools, openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: tool.name, Description: openai.String(tool.about), Parameters: tool.schema,
		}))
	}
	if o.schema != nil {
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "answer", Strict: openai.Bool(true), Schema: o.schema,
		}}
	}
	if o.think {
		p.ReasoningEffort = shared.ReasoningEffortMedium
	}
	return t
}

func (t *openAI) say(text string) {
	t.params.Messages = append(t.params.Messages, openai.UserMessage(text))
}

func (t *openAI) show(text string, png []byte) {
	t.params.Messages = append(t.params.Messages, openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
		openai.TextContentPart(text),
		openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{
			URL: "data:image/png;base64," + base64.StdEncoding.EncodeToString(png),
		}),
	}))
}

func (t *openAI) results(calls []call, texts []string) {
	for i, c := range calls {
		t.params.Messages = append(t.params.Messages, openai.ToolMessage(texts[i], c.ID))
	}
}

func (t *openAI) ask(ctx context.Context, stream bool) (*answer, error) {
	if !stream {
		done, err := t.client.Chat.Completions.New(ctx, t.params)
		if err != nil {
			return nil, err
		}
		r := reasoning{}
		r.add(done.Choices[0].Message.JSON.ExtraFields)
		for i, c := range done.Choices[0].Message.ToolCalls {
			r.seal(i, c.AsFunction().JSON.ExtraFields)
		}
		return t.told(done, &r), nil
	}
	p := t.params
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	var (
		acc openai.ChatCompletionAccumulator
		r   reasoning
	)
	chunks := t.client.Chat.Completions.NewStreaming(ctx, p)
	defer chunks.Close()
	for chunks.Next() {
		chunk := chunks.Current()
		if !acc.AddChunk(chunk) {
			return nil, errors.New("the SDK cannot accumulate the chunk " + chunk.RawJSON())
		}
		for _, c := range chunk.Choices {
			r.add(c.Delta.JSON.ExtraFields)
			for _, call := range c.Delta.ToolCalls {
				r.seal(int(call.Index), call.JSON.ExtraFields)
			}
		}
	}
	if len(acc.Choices) == 0 {
		return nil, chunks.Err()
	}
	return t.told(&acc.ChatCompletion, &r), chunks.Err()
}

func (t *openAI) told(done *openai.ChatCompletion, r *reasoning) *answer {
	m := &done.Choices[0].Message
	back := m.ToParam()
	r.back(back.OfAssistant)
	t.params.Messages = append(t.params.Messages, back)
	a := &answer{
		Text: m.Content + m.Refusal, Thought: r.text, Stop: done.Choices[0].FinishReason,
		Usage: usage{done.Usage.PromptTokens, done.Usage.CompletionTokens, done.Usage.PromptTokensDetails.CachedTokens},
	}
	for _, c := range m.ToolCalls {
		a.Calls = append(a.Calls, call{c.ID, c.Function.Name, canonical(c.Function.Arguments)})
	}
	switch {
	case m.Refusal != "" || a.Stop == "content_filter":
		a.Stop = "declined"
	case a.Stop == "tool_calls":
		a.Stop = "tools"
	}
	return a
}

// reasoning is what servers of this dialect add to the vendor's: its users collect it themselves and send it back, that of
// Google's signatures included, which are on the calls.
type reasoning struct {
	text    string
	details []json.RawMessage
	seals   map[int]json.RawMessage
}

func (r *reasoning) add(fields map[string]respjson.Field) {
	var text string
	if json.Unmarshal([]byte(fields["reasoning_content"].Raw()), &text) == nil {
		r.text += text
	}
	var details []json.RawMessage
	if json.Unmarshal([]byte(fields["reasoning_details"].Raw()), &details) == nil {
		r.details = append(r.details, details...)
	}
}

func (r *reasoning) seal(call int, fields map[string]respjson.Field) {
	if raw := fields["extra_content"].Raw(); raw != "" {
		if r.seals == nil {
			r.seals = map[int]json.RawMessage{}
		}
		r.seals[call] = json.RawMessage(raw)
	}
}

func (r *reasoning) back(m *openai.ChatCompletionAssistantMessageParam) {
	fields := map[string]any{}
	if r.text != "" {
		fields["reasoning_content"] = r.text
	}
	if len(r.details) > 0 {
		fields["reasoning_details"] = r.details
	}
	m.SetExtraFields(fields)
	for i, seal := range r.seals {
		m.ToolCalls[i].OfFunction.SetExtraFields(map[string]any{"extra_content": seal})
	}
}

func openAIFault(err error) *fault {
	if e := (*openai.Error)(nil); errors.As(err, &e) {
		return &fault{e.StatusCode, e.Code, e.Message}
	}
	return nil
}
