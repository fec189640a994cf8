package sdk

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/genai"
)

type gemini struct {
	client   *genai.Client
	options  options
	config   *genai.GenerateContentConfig
	contents []*genai.Content
}

func newGoogle(where address, o options) talk {
	client, err := genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey: where.key, Backend: genai.BackendGeminiAPI, HTTPClient: where.client,
		HTTPOptions: genai.HTTPOptions{BaseURL: where.url, APIVersion: "v1beta"},
	})
	if err != nil {
		panic(err) // the configuration is the test's own
	}
	t := &gemini{client: client, options: o, config: &genai.GenerateContentConfig{}}
	var functions []*genai.FunctionDeclaration
	for _, tool := range o.tools {
		functions = append(functions, &genai.FunctionDeclaration{Name: tool.name, Description: tool.about, ParametersJsonSchema: tool.schema})
	}
	if functions != nil {
		t.config.Tools = []*genai.Tool{{FunctionDeclarations: functions}}
	}
	if o.schema != nil {
		t.config.ResponseMIMEType, t.config.ResponseJsonSchema = "application/json", o.schema
	}
	if o.think {
		t.config.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true, ThinkingBudget: genai.Ptr[int32](2048)}
	}
	return t
}

func (t *gemini) add(parts ...*genai.Part) {
	t.contents = append(t.contents, genai.NewContentFromParts(parts, genai.RoleUser))
}

func (t *gemini) say(text string) { t.add(genai.NewPartFromText(text)) }

func (t *gemini) show(text string, png []byte) {
	t.add(genai.NewPartFromText(text), genai.NewPartFromBytes(png, "image/png"))
}

func (t *gemini) results(calls []call, texts []string) {
	var parts []*genai.Part
	for i, c := range calls {
		parts = append(parts, &genai.Part{FunctionResponse: &genai.FunctionResponse{
			ID: c.ID, Name: c.Name, Response: map[string]any{"output": texts[i]},
		}})
	}
	t.add(parts...)
}

func (t *gemini) ask(ctx context.Context, stream bool) (*answer, error) {
	if !stream {
		r, err := t.client.Models.GenerateContent(ctx, t.options.model, t.contents, t.config)
		if err != nil {
			return nil, err
		}
		return t.told([]*genai.GenerateContentResponse{r}), nil
	}
	var all []*genai.GenerateContentResponse
	for r, err := range t.client.Models.GenerateContentStream(ctx, t.options.model, t.contents, t.config) {
		if err != nil {
			return t.told(all), err
		}
		all = append(all, r)
	}
	return t.told(all), nil
}

func (t *gemini) told(all []*genai.GenerateContentResponse) *answer {
	a, back := &answer{}, &genai.Content{Role: genai.RoleModel}
	for _, r := range all {
		if u := r.UsageMetadata; u != nil {
			a.Usage = usage{int64(u.PromptTokenCount), int64(u.CandidatesTokenCount + u.ThoughtsTokenCount), int64(u.CachedContentTokenCount)}
		}
		if f := r.PromptFeedback; f != nil && f.BlockReason != "" {
			a.Stop = "declined"
		}
		if len(r.Candidates) == 0 {
			continue
		}
		c := r.Candidates[0]
		if c.FinishReason != "" {
			a.Stop = string(c.FinishReason)
		}
		if c.Content == nil {
			continue
		}
		back.Parts = append(back.Parts, c.Content.Parts...)
		for _, p := range c.Content.Parts {
			switch {
			case p.FunctionCall != nil:
				args, _ := json.Marshal(p.FunctionCall.Args)
				if p.FunctionCall.Args == nil {
					args = nil
				}
				a.Calls = append(a.Calls, call{p.FunctionCall.ID, p.FunctionCall.Name, canonical(string(args))})
			case p.Thought:
				a.Thought += p.Text
			default:
				a.Text += p.Text
			}
		}
	}
	switch {
	case a.Stop == "STOP" && len(a.Calls) > 0:
		a.Stop = "tools"
	case a.Stop == "STOP":
		a.Stop = "stop"
	case a.Stop == "MAX_TOKENS":
		a.Stop = "length"
	case a.Stop == "SAFETY" || a.Stop == "PROHIBITED_CONTENT":
		a.Stop = "declined"
	}
	t.contents = append(t.contents, back)
	return a
}

func googleFault(err error) *fault {
	var e genai.APIError
	if !errors.As(err, &e) {
		return nil
	}
	f := &fault{e.Code, e.Status, e.Message}
	for _, d := range e.Details {
		if reason, ok := d["reason"].(string); ok {
			f.code = reason
		}
	}
	return f
}
