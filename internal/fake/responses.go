package fake

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// responses is OpenAI's Responses API. Nothing is kept: previous_response_id is checked for having been issued here, the
// conversation behind it is not known.
type responses struct{}

func (responses) credential(h http.Header) string { return chat{}.credential(h) }
func (responses) admit(*http.Request) *fault      { return nil }
func (responses) retry() retryPlace               { return retryHeader }
func (responses) eventType(*ask) []string         { return sseType }
func (responses) head(h http.Header, id string)   { openaiHead(h, id) }
func (responses) fault(dst []byte, f *fault, id string) []byte {
	return chat{}.fault(dst, f, id)
}

// phrases differ from Chat's in the status of a model that does not exist, as recorded in 2026.
func (responses) phrases() map[why]phrase {
	m := maps.Clone(openaiPhrases)
	m[whyNoModel] = phrase{http.StatusBadRequest, ""}
	return m
}

type responsesRequest struct {
	Model              string          `json:"model"`
	Input              jsontext.Value  `json:"input"`
	Stream             bool            `json:"stream"`
	Store              *bool           `json:"store"`
	Include            []string        `json:"include"`
	Instructions       jsontext.Value  `json:"instructions"`
	MaxOutputTokens    *int64          `json:"max_output_tokens"`
	PreviousResponseID string          `json:"previous_response_id"`
	Tools              []responsesTool `json:"tools"`
	ToolChoice         jsontext.Value  `json:"tool_choice"`
	Text               jsontext.Value  `json:"text"`
	Metadata           jsontext.Value  `json:"metadata"`
	ParallelToolCalls  jsontext.Value  `json:"parallel_tool_calls"`
	Reasoning          jsontext.Value  `json:"reasoning"`
	Temperature        jsontext.Value  `json:"temperature"`
	TopP               jsontext.Value  `json:"top_p"`
	Truncation         jsontext.Value  `json:"truncation"`
	User               jsontext.Value  `json:"user"`
}

type responsesTool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Strict      *bool          `json:"strict"`
}

type responsesItem struct {
	Type             string         `json:"type"`
	Role             string         `json:"role"`
	ID               string         `json:"id"`
	CallID           string         `json:"call_id"`
	Name             string         `json:"name"`
	Arguments        jsontext.Value `json:"arguments"`
	Content          jsontext.Value `json:"content"`
	Output           jsontext.Value `json:"output"`
	EncryptedContent *string        `json:"encrypted_content"`
}

func (responses) read(s *Server, _ *http.Request, body []byte) (*ask, *fault) {
	var q responsesRequest
	if f := decode(body, &q); f != nil {
		return nil, f
	}
	if id, ok := strings.CutPrefix(q.PreviousResponseID, "resp_"); q.PreviousResponseID != "" && (!ok || !s.issued(id)) {
		return nil, &fault{status: http.StatusBadRequest, param: "previous_response_id",
			msg: "Previous response with id '" + q.PreviousResponseID + "' not found."}
	}
	a := &ask{model: q.Model, stream: q.Stream, n: 1, choice: openaiChoice(q.ToolChoice), bytes: len(partsText(q.Instructions))}
	if q.MaxOutputTokens != nil {
		a.max = *q.MaxOutputTokens
	}
	a.sealed = q.Store != nil && !*q.Store
	for _, what := range q.Include {
		a.sealed = a.sealed || what == "reasoning.encrypted_content"
	}
	var text struct {
		Format struct {
			Type   string         `json:"type"`
			Schema jsontext.Value `json:"schema"`
		} `json:"format"`
	}
	if len(q.Text) > 0 {
		if f := decode(q.Text, &text); f != nil {
			return nil, f
		}
	}
	a.json, a.schema = strings.HasPrefix(text.Format.Type, "json"), text.Format.Schema
	tools := q.offered(a)
	a.echo = q.repeats(tools)
	return a, responsesHistory(s, a, &q)
}

// offered notes the function tools and renders all of them as a response repeats them.
func (q *responsesRequest) offered(a *ask) jsontext.Value {
	dst := []byte{'['}
	for _, t := range q.Tools {
		if t.Type != "function" {
			continue
		}
		a.tools = append(a.tools, tool{t.Name, t.Parameters})
		a.bytes += len(t.Name) + len(t.Description) + len(t.Parameters)
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = quote(append(dst, `{"type":"function","name":`...), t.Name)
		dst = orNull(append(dst, `,"description":`...), t.Description, false)
		dst = raw(append(dst, `,"parameters":`...), t.Parameters, "null")
		dst = fmt.Appendf(dst, `,"strict":%t}`, t.Strict == nil || *t.Strict)
	}
	return append(dst, ']')
}

// repeats lists what a response says again of its request.
func (q *responsesRequest) repeats(tools jsontext.Value) []member {
	limit, previous, store := "null", "null", "true"
	if q.MaxOutputTokens != nil {
		limit = strconv.FormatInt(*q.MaxOutputTokens, 10)
	}
	if q.PreviousResponseID != "" {
		previous = string(quote(nil, q.PreviousResponseID))
	}
	if q.Store != nil {
		store = strconv.FormatBool(*q.Store)
	}
	return []member{
		{"background", nil, "false"}, {"instructions", q.Instructions, "null"}, {"max_output_tokens", nil, limit},
		{"max_tool_calls", nil, "null"}, {"metadata", q.Metadata, "{}"}, {"parallel_tool_calls", q.ParallelToolCalls, "true"},
		{"previous_response_id", nil, previous}, {"prompt_cache_key", nil, "null"},
		{"reasoning", q.Reasoning, `{"effort":null,"summary":null}`}, {"safety_identifier", nil, "null"},
		{"service_tier", nil, `"default"`}, {"store", nil, store}, {"temperature", q.Temperature, "1.0"},
		{"text", q.Text, `{"format":{"type":"text"},"verbosity":"medium"}`}, {"tool_choice", q.ToolChoice, `"auto"`},
		{"tools", tools, "[]"}, {"top_logprobs", nil, "0"}, {"top_p", q.TopP, "1.0"}, {"truncation", q.Truncation, `"disabled"`},
		{"user", q.User, "null"},
	}
}

// responsesHistory goes through the input: every call has its output, every output its call, and reasoning is genuine.
func responsesHistory(s *Server, a *ask, q *responsesRequest) *fault {
	if len(q.Input) == 0 {
		return bad("input", "Missing required parameter: 'input'.")
	}
	if q.Input[0] == '"' {
		a.user = partsText(q.Input)
		a.bytes += len(a.user)
		return nil
	}
	var items []responsesItem
	if f := decode(q.Input, &items); f != nil {
		f.param = strings.TrimSuffix("input."+f.param, ".")
		return f
	}
	h := responsesTurns{server: s, ask: a, chained: q.PreviousResponseID != "", open: map[string]bool{}}
	for i := range items {
		if f := h.take(i, &items[i]); f != nil {
			return f
		}
	}
	for id := range h.open {
		return bad("input", "No tool output found for function call "+id+".")
	}
	return nil
}

type responsesTurns struct {
	server   *Server
	ask      *ask
	chained  bool // calls may stand in the previous response
	open     map[string]bool
	reasoned bool // reasoning stands before the calls of this round
	calling  bool
}

func (h *responsesTurns) take(i int, it *responsesItem) *fault {
	a, at := h.ask, fmt.Sprintf("input[%d]", i)
	text := partsText(it.Content) + partsText(it.Output)
	a.bytes += len(text) + len(it.Name) + len(it.Arguments)
	if it.Type == "" {
		it.Type = "message"
	}
	if it.Type != "function_call" {
		h.calling = false
	}
	switch it.Type {
	case "message":
		if it.Role == "user" {
			a.user, a.rounds, a.missing = text, 0, nil
			h.reasoned = false
		}
	case "reasoning":
		h.reasoned = true
		if f := h.genuine(at, it); f != nil {
			a.altered = f
		}
	case "function_call":
		h.open[it.CallID] = true
		if !h.calling {
			a.rounds++
			h.calling = true
		}
		if !h.reasoned {
			a.missing = bad(at, "Item '"+it.ID+"' of type 'function_call' was provided without its required 'reasoning' item.")
		}
	case "function_call_output":
		if !h.open[it.CallID] && !h.chained {
			return bad(at+".call_id", "No tool call found for function call output with call_id "+it.CallID+".")
		}
		if !h.open[it.CallID] {
			a.rounds = max(a.rounds, 1)
		}
		delete(h.open, it.CallID)
		h.reasoned = false
	}
	return nil
}

// genuine checks reasoning by its encrypted content, or by its id where the content was left with the vendor.
func (h *responsesTurns) genuine(at string, it *responsesItem) *fault {
	if it.EncryptedContent != nil {
		if h.server.sealed(*it.EncryptedContent) {
			return nil
		}
		return bad(at+".encrypted_content", "The encrypted content could not be verified.")
	}
	if id, ok := strings.CutPrefix(it.ID, "rs_"); ok && h.server.issued(id) {
		return nil
	}
	return bad(at, "Item with id '"+it.ID+"' not found.")
}
