package fake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// gemini is Google's generateContent API, as generativelanguage.googleapis.com serves it.
type gemini struct{ stream bool }

// credential takes the key from its header only: a key in the URL ends up in logs.
func (gemini) credential(h http.Header) string { return h.Get("X-Goog-Api-Key") }
func (gemini) admit(*http.Request) *fault      { return nil }
func (gemini) phrases() map[why]phrase         { return geminiPhrases }
func (gemini) retry() retryPlace               { return retryBody }

func (gemini) head(h http.Header, _ string) { h["X-Gemini-Service-Tier"] = geminiTier }

var (
	geminiTier = []string{"standard"}
	eventType  = []string{"text/event-stream"}
	arrayType  = []string{"application/json; charset=UTF-8"}
)

func (gemini) eventType(a *ask) []string {
	if a.array {
		return arrayType
	}
	return eventType
}

type geminiRequest struct {
	Contents          many[content] `json:"contents"`
	SystemInstruction content       `json:"systemInstruction"`
	Tools             []geminiTool  `json:"tools"`
	ToolConfig        struct {
		FunctionCallingConfig struct {
			Mode                 string   `json:"mode"`
			AllowedFunctionNames []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	GenerationConfig struct {
		MaxOutputTokens    int64          `json:"maxOutputTokens"`
		ResponseMimeType   string         `json:"responseMimeType"`
		ResponseSchema     jsontext.Value `json:"responseSchema"`
		ResponseJSONSchema jsontext.Value `json:"responseJsonSchema"`
	} `json:"generationConfig"`
}

type geminiTool struct {
	FunctionDeclarations []struct {
		Name                 string         `json:"name"`
		Description          string         `json:"description"`
		Parameters           jsontext.Value `json:"parameters"`
		ParametersJSONSchema jsontext.Value `json:"parametersJsonSchema"`
	} `json:"functionDeclarations"`
}

type content struct {
	Role  string     `json:"role"`
	Parts many[part] `json:"parts"`
}

// many is a list that may be written as its only element, which the vendor accepts.
type many[T any] []T

func (m *many[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		return json.UnmarshalDecode(d, (*[]T)(m))
	}
	*m = make(many[T], 1)
	return json.UnmarshalDecode(d, &(*m)[0])
}

type part struct {
	Text             string `json:"text"`
	Thought          bool   `json:"thought"`
	ThoughtSignature string `json:"thoughtSignature"`
	FunctionCall     *struct {
		Name string         `json:"name"`
		Args jsontext.Value `json:"args"`
	} `json:"functionCall"`
	FunctionResponse *struct {
		Name     string         `json:"name"`
		Response jsontext.Value `json:"response"`
	} `json:"functionResponse"`
}

// protoJSON takes names in both spellings of protocol buffers' JSON, contentParts and content_parts.
var protoJSON = json.MatchCaseInsensitiveNames(true)

func (d gemini) read(s *Server, r *http.Request, body []byte) (*ask, *fault) {
	var q geminiRequest
	if f := decode(body, &q, protoJSON); f != nil {
		return nil, f
	}
	if len(q.Contents) == 0 {
		return nil, bad("contents", "* GenerateContentRequest.contents: contents is not specified")
	}
	g := &q.GenerationConfig
	a := &ask{stream: d.stream, array: r.URL.Query().Get("alt") != "sse", n: 1, max: g.MaxOutputTokens,
		json: g.ResponseMimeType == "application/json", schema: g.ResponseJSONSchema, choice: q.choice()}
	if len(a.schema) == 0 {
		a.schema = g.ResponseSchema
	}
	for _, p := range q.SystemInstruction.Parts {
		a.bytes += len(p.Text)
	}
	for _, t := range q.Tools {
		for _, f := range t.FunctionDeclarations {
			schema := f.ParametersJSONSchema
			if len(schema) == 0 {
				schema = f.Parameters
			}
			a.tools = append(a.tools, tool{f.Name, schema})
			a.bytes += len(f.Name) + len(f.Description) + len(schema)
		}
	}
	return a, geminiHistory(s, a, q.Contents)
}

func (q *geminiRequest) choice() choice {
	c := q.ToolConfig.FunctionCallingConfig
	out := choice{mode: strings.ToLower(c.Mode)}
	if len(c.AllowedFunctionNames) > 0 {
		out.name = c.AllowedFunctionNames[0]
	}
	return out
}

// geminiHistory goes through the turns: responses are as many as the calls before them and of the same names. A text instead
// of responses is taken, as recorded in 2025.
func geminiHistory(s *Server, a *ask, contents []content) *fault {
	var open, answered []string
	for i, c := range contents {
		calls, answers, text, f := geminiTurn(s, a, i, c)
		if f != nil {
			return f
		}
		if c.Role == "model" {
			if open == nil && len(calls) > 0 {
				a.rounds++
			}
			open = append(open, calls...)
			continue
		}
		answered = append(answered, answers...)
		if last := i+1 == len(contents) || contents[i+1].Role == "model"; !last { // the vendor joins turns of the same role
			continue
		}
		slices.Sort(open)
		slices.Sort(answered)
		if len(answered) > 0 && !slices.Equal(open, answered) {
			return bad("", "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
		}
		if len(answered) == 0 {
			a.user, a.rounds, a.missing = text, 0, nil
		}
		open, answered = nil, nil
	}
	return nil
}

// geminiTurn reads one turn. The first call of a step carries its thought signature.
func geminiTurn(s *Server, a *ask, i int, c content) (calls, answers []string, text string, f *fault) {
	switch c.Role {
	case "user", "model", "function", "":
	default:
		return nil, nil, "", bad("", "Please use a valid role: user, model.")
	}
	if len(c.Parts) == 0 {
		return nil, nil, "", bad("", fmt.Sprintf("* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", i))
	}
	var said strings.Builder
	for _, p := range c.Parts {
		if !p.Thought {
			said.WriteString(p.Text)
		}
		a.bytes += len(p.Text)
		if p.ThoughtSignature != "" && !s.sealed(p.ThoughtSignature) {
			a.altered = bad("", "Thought signature is not valid.")
		}
		if p.FunctionCall != nil {
			if len(calls) == 0 && p.ThoughtSignature == "" {
				a.missing = bad("", fmt.Sprintf("Function call `%s` in the %d. content block is missing a `thought_signature`.", p.FunctionCall.Name, i+1))
			}
			calls = append(calls, p.FunctionCall.Name)
			a.bytes += len(p.FunctionCall.Name) + len(p.FunctionCall.Args)
		}
		if p.FunctionResponse != nil {
			answers = append(answers, p.FunctionResponse.Name)
			a.bytes += len(p.FunctionResponse.Response)
		}
	}
	return calls, answers, said.String(), nil
}

var geminiPhrases = map[why]phrase{
	whyNoKey:      {403, "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."},
	whyContext:    {400, "The input token count (1250000) exceeds the maximum number of tokens allowed (1048576)."},
	whyQuota:      {429, "You exceeded your current quota, please check your plan and billing details."},
	whyPolicy:     {400, "The request was blocked for its content."},
	whyAuth:       {400, "API key not valid. Please pass a valid API key."},
	whyOverloaded: {503, "The model is overloaded. Please try again later."},
	whyNoModel:    {404, ""},
}

// geminiStatus are google.rpc's names of the statuses.
var geminiStatus = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
	429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

func (gemini) fault(dst []byte, f *fault, _ string) []byte {
	status := geminiStatus[f.status]
	if status == "" {
		status = "UNKNOWN"
	}
	msg := f.msg
	if f.why == whyNoModel {
		msg = "models/" + f.param + " is not found for API version v1beta. " + msg
	}
	dst = quote(fmt.Appendf(dst, `{"error":{"code":%d,"message":`, f.status), msg)
	dst = append(append(append(dst, `,"status":"`...), status...), '"')
	switch {
	case f.retryAfter > 0:
		dst = fmt.Appendf(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%ds"}]`, f.retryAfter)
	case f.why == whyAuth:
		dst = append(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]`...)
	}
	return append(dst, "}}"...)
}

func (d gemini) faultEvent(dst []byte, a *ask, p *reply, f *fault, n int) []byte {
	return geminiFrame(dst, a, n, func(b []byte) []byte { return d.fault(b, f, p.id) }, true)
}
