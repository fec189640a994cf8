package fake

import (
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// dialect is one vendor's API for text. Implementations are stateless.
type dialect interface {
	// credential is what the vendor takes as a key, "" when the request carries none in the right place.
	credential(h http.Header) string
	// admit checks what the vendor wants besides the key and the body.
	admit(r *http.Request) *fault
	// read understands a request and holds it to the vendor's rules.
	read(s *Server, r *http.Request, body []byte) (*ask, *fault)
	// whole renders an answer in one piece.
	whole(dst []byte, a *ask, p *reply) []byte
	// events renders an answer as framed events. A slice is valid until the next one is asked for.
	events(a *ask, p *reply) iter.Seq[[]byte]
	// eventType is the content type of a stream.
	eventType(a *ask) []string
	// phrases is what the vendor answers to the kinds of faults that have words of their own.
	phrases() map[why]phrase
	// fault renders an error body.
	fault(dst []byte, f *fault, id string) []byte
	// faultEvent renders an error inside a stream after n events.
	faultEvent(dst []byte, a *ask, p *reply, f *fault, n int) []byte
	// head sets the headers that the vendor sends with everything.
	head(h http.Header, id string)
	// retry is where the vendor says how long to wait.
	retry() retryPlace
}

type retryPlace int

const (
	retryHeader retryPlace = iota
	retryBody
)

// operation is what a path stands for.
type operation struct {
	method  string
	dialect dialect
	serve   func(x *exchange, model string, body []byte) *fault
}

var (
	chatOp      = operation{http.MethodPost, chat{}, generate}
	responsesOp = operation{http.MethodPost, responses{}, generate}
	embedOp     = operation{http.MethodPost, chat{}, embeddings}
	messagesOp  = operation{http.MethodPost, messages{}, generate}
	countOp     = operation{http.MethodPost, messages{}, countTokens}
)

// exact lists the paths of the OpenAI and Anthropic dialects. OpenAI's may be had without /v1, as some of its compatible
// servers are configured; /openai/v1 is Azure's.
var exact = map[string]operation{
	"/v1/chat/completions":        chatOp,
	"/chat/completions":           chatOp,
	"/openai/v1/chat/completions": chatOp,
	"/v1/responses":               responsesOp,
	"/responses":                  responsesOp,
	"/openai/v1/responses":        responsesOp,
	"/v1/embeddings":              embedOp,
	"/embeddings":                 embedOp,
	"/openai/v1/embeddings":       embedOp,
	"/v1/messages":                messagesOp,
	"/v1/messages/count_tokens":   countOp,
}

// geminiVerbs are what follows the model's colon in Gemini's paths.
var geminiVerbs = map[string]operation{
	"generateContent":       {http.MethodPost, gemini{}, generate},
	"streamGenerateContent": {http.MethodPost, gemini{stream: true}, generate},
	"countTokens":           {http.MethodPost, gemini{}, geminiCount},
	"embedContent":          {http.MethodPost, gemini{}, geminiEmbed},
	"batchEmbedContents":    {http.MethodPost, gemini{}, geminiBatchEmbed},
}

// route finds the operation, and the model where the path names it.
func route(r *http.Request) (op operation, model string, ok bool) {
	path := r.URL.Path
	if op, ok := exact[path]; ok {
		return op, "", r.Method == op.method
	}
	if rest, ok := strings.CutPrefix(path, "/openai/deployments/"); ok { // Azure's older form
		model, rest, _ = strings.Cut(rest, "/")
		op, ok := exact["/"+rest]
		return op, model, ok && r.Method == op.method && (rest == "chat/completions" || rest == "embeddings")
	}
	version, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "models")
	if !ok || rest != "" && rest[0] != '/' {
		return operation{}, "", false
	}
	rest = strings.TrimPrefix(rest, "/")
	if i := strings.LastIndexByte(rest, ':'); i > 0 && r.Method == http.MethodPost && (version == "v1beta/" || version == "v1/") {
		op, ok := geminiVerbs[rest[i+1:]]
		return op, rest[:i], ok
	}
	if r.Method != http.MethodGet {
		return operation{}, "", false
	}
	switch {
	case version == "v1beta/":
		return operation{http.MethodGet, gemini{}, geminiModels}, rest, true
	case version == "v1/" && r.Header.Get("Anthropic-Version") != "":
		return operation{http.MethodGet, messages{}, anthropicModels}, rest, true
	case version == "v1/" || version == "" || version == "openai/v1/":
		return operation{http.MethodGet, chat{}, openaiModels}, rest, true
	}
	return operation{}, "", false
}

func notFound(w http.ResponseWriter, r *http.Request) {
	drain(r.Body)
	f := &fault{status: http.StatusNotFound, msg: "There is nothing at " + r.Method + " " + r.URL.Path + "."}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(f.status)
	_, _ = w.Write(chat{}.fault(nil, f, ""))
}

var (
	jsonType = []string{"application/json"}
	sseType  = []string{"text/event-stream; charset=utf-8"}
)

// decode reads a body; what is wrong with it comes back as the vendor's 400.
func decode(body []byte, v any, o ...json.Options) *fault {
	err := json.Unmarshal(body, v, o...)
	if err == nil {
		return nil
	}
	f := &fault{status: http.StatusBadRequest, msg: "The body is not what was expected: " + err.Error()}
	if se, ok := errors.AsType[*json.SemanticError](err); ok {
		f.param = strings.ReplaceAll(strings.TrimPrefix(string(se.JSONPointer), "/"), "/", ".")
	}
	return f
}

// bad is a request that breaks one of the vendor's rules.
func bad(param, msg string) *fault {
	return &fault{status: http.StatusBadRequest, param: param, msg: msg}
}

// quote appends s as a JSON string.
func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error is invalid UTF-8, which it has replaced
	return dst
}

// raw appends a JSON value, or def where there is none.
func raw(dst []byte, v jsontext.Value, def string) []byte {
	if len(v) == 0 || string(v) == "null" {
		return append(dst, def...)
	}
	return append(dst, v...)
}
