package llm

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Head is what routing and policy need to know of a request, found in one strict pass over its bytes.
type Head struct {
	Model     string
	Stream    bool
	Usage     bool  // a stream's usage event was asked for
	MaxTokens int64 // 0: not said
	N         int64 // alternatives asked for; 1 when not said
	Messages  int
	Tools     int
	Media     bool   // images, documents or audio are in it
	User      string // the caller's name for its end user
	Task      string // metadata.task
	Session   string // a session id that the dialect itself carries
}

// Target is the model that a request is encoded for, as far as a codec must know it.
type Target struct {
	Model  string
	Issuer string // whose seals it accepts: "openai", "anthropic", "google", …
	Quirks *Quirks
}

// Quirks are a provider's deviations from its dialect: data, so that a provider is a row in a table and not code. The zero
// value is the dialect as its inventor speaks it.
type Quirks struct {
	// ReasoningOutside: reasoning tokens are not part of completion_tokens (xAI chat).
	ReasoningOutside bool
	// MaxTokens is the name under which the provider takes the output limit: "" takes both of OpenAI's names.
	MaxTokens string
	// NoStreamOptions: the provider refuses stream_options; it reports usage anyway, or never.
	NoStreamOptions bool
	// NoDeveloper: the developer role is unknown; it is sent as system.
	NoDeveloper bool
	// Thought is the member that carries reasoning in messages and deltas: "" is reasoning_content, else "reasoning" or
	// "thinking_parts" (Mistral's content arrays).
	Thought string
	// CallID forces an alphabet and length on tool-call ids: "mistral9" is nine letters or digits.
	CallID string
	// NoSchema: json_schema response formats are refused; asked for as JSON with the schema as a loss.
	NoSchema bool
	// NoToolChoiceAny is the word for "must call a tool" where it is not "required" (Mistral's "any").
	ToolAny string
	// Drops are members that the provider refuses; when translating they are left out and reported.
	Drops []string
	// Takes are members beyond its dialect's that the provider understands, so that they may be used when translating to it. In
	// chat: "top_k", "cache_control" (Anthropic's, on parts and tools), "reasoning" (OpenRouter's object), "thinking" (DeepSeek's
	// and Z.ai's object), "document_url" (Mistral's part), "file_url" (an address as file_data, OpenRouter).
	Takes []string
}

// Loss is something that a codec could not say in the target's dialect. A grave loss would change what the caller observes
// (tools, response schema, alternatives, stored state) and is refused unless the route allows it.
type Loss struct {
	Path  string // in the caller's document, dotted: messages.3.content.0.cache_control
	Why   string
	Grave bool
}

// Losses reports every member kept for a dialect other than own, as mild losses at path.
func (x Ext) Losses(dst []Loss, own Dialect, path string) []Loss {
	for _, d := range slices.Sorted(maps.Keys(x)) {
		if d == own {
			continue
		}
		for name := range members(x[d]) {
			p := name
			if path != "" {
				p = path + "." + name
			}
			dst = append(dst, Loss{Path: p, Why: "no counterpart in " + string(own)})
		}
	}
	return dst
}

func members(obj jsontext.Value) func(func(string) bool) {
	return func(yield func(string) bool) {
		d := jsontext.NewDecoder(strings.NewReader(string(obj)))
		if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
			return
		}
		for d.PeekKind() == '"' {
			tok, err := d.ReadToken()
			if err != nil || !yield(tok.String()) || d.SkipValue() != nil {
				return
			}
		}
	}
}

// Seal is state that only its issuer understands and that it checks when it comes back: a thinking signature, encrypted
// reasoning, a thought signature. It goes back only to Issuer.
type Seal struct {
	Issuer string
	Data   string // as the issuer wrote it
}

// SealPrefix begins every wrapped seal.
const SealPrefix = "tg1."

// Wrap writes the seal so that it survives in a foreign dialect's field and is known again when it returns.
func (s *Seal) Wrap() string {
	return SealPrefix + s.Issuer + "." + base64.RawURLEncoding.EncodeToString([]byte(s.Data))
}

// Unwrap reads what Wrap wrote. Any other text is a seal of the dialect's own issuer, unchanged.
func Unwrap(text, own string) *Seal {
	if rest, ok := strings.CutPrefix(text, SealPrefix); ok {
		if issuer, data, ok := strings.Cut(rest, "."); ok {
			if b, err := base64.RawURLEncoding.DecodeString(data); err == nil {
				return &Seal{Issuer: issuer, Data: string(b)}
			}
		}
	}
	return &Seal{Issuer: own, Data: text}
}

// Timeouts bound an exchange; zero is no bound.
type Timeouts struct {
	Connect   time.Duration
	FirstByte time.Duration
	Idle      time.Duration // between two events
	Total     time.Duration
}
