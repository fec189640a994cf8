package llm

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Dialect names a wire format.
type Dialect string

// The dialects that have a codec.
const (
	OpenAIChat Dialect = "openai.chat"
	Anthropic  Dialect = "anthropic.messages"
	Gemini     Dialect = "gemini.generate"
)

// Ext keeps, per dialect, the members of one object that the model has no word for: a raw JSON object with the members in
// the order they came. An encoder writes back only its own dialect's, and reports the others as losses (see [Ext.Losses]).
type Ext map[Dialect]jsontext.Value

// Chat is one request for a reply, in the order the model reads it.
type Chat struct {
	Model    string
	Stream   bool
	System   []Part    // leading instructions; later ones are messages of RoleSystem
	Messages []Message //
	Tools    []Tool    //
	Choice   ToolChoice
	Sampling Sampling
	Thinking Thinking
	Output   Output
	User     string // the caller's name for its end user
	Tier     string // service tier asked for, in the words of the dialect it came from
	Usage    bool   // the caller of a stream asked for a usage event (dialects where that is a choice)
	Ext      Ext
	Vital    []string // members of Ext without which the answer is another one (a stored prompt, a search, a form of the reply)
}

// Losses reports the members kept for dialects other than own: grave ones where the request cannot do without.
func (c *Chat) Losses(dst []Loss, own Dialect) []Loss {
	from := len(dst)
	dst = c.Ext.Losses(dst, own, "")
	for i := range dst[from:] {
		l := &dst[from+i]
		l.Grave = slices.Contains(c.Vital, l.Path)
	}
	return dst
}

// Role says who speaks a message.
type Role string

// Tool results are parts of a user message: that is how most vendors order them, and the others split them off again.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn. Name is the optional name of the participant (OpenAI's `name`).
type Message struct {
	Role  Role
	Name  string
	Parts []Part
	Ext   Ext
}

// Part is one piece of content. The set is closed: Text, Media, Thought, Call, Result, Opaque.
//
//sumtype:decl
type Part interface{ part() }

type (
	// Text is what a person reads. Refusal marks text by which the model declined.
	Text struct {
		Text    string
		Refusal bool
		Cites   []Citation
		Seal    *Seal // Gemini signs text parts as well
		Mark    *CacheMark
		Ext     Ext
	}
	// Media is an image, a document, audio or video: by value (Data), by address (URL) or by a provider's id (FileID).
	Media struct {
		Type   string // MIME type; may be empty with a URL or FileID. "image/*" when only the kind is known
		Name   string // file name or document title
		Data   []byte // decoded from base64
		URL    string
		FileID string
		Detail string // OpenAI's image detail
		Mark   *CacheMark
		Ext    Ext
	}
	// Thought is reasoning that the model shows. A redacted thought has no text, only a seal.
	Thought struct {
		Text     string
		Redacted bool
		Seal     *Seal
		Ext      Ext
	}
	// Call asks for a tool. Args is the arguments as the model wrote them: JSON text, usually an object, "" when there are
	// none, and possibly invalid, since models err. Custom marks a call whose input is free text, not JSON.
	Call struct {
		ID     string
		Name   string
		Args   string
		Custom bool
		Seal   *Seal
		Mark   *CacheMark
		Ext    Ext
	}
	// Result answers the call with the same id.
	Result struct {
		CallID string
		Name   string // of the tool, where known
		Parts  []Part
		Failed bool
		Mark   *CacheMark
		Ext    Ext
	}
	// Opaque is a part that only the dialect From understands (server-run tools and their results, audio replies, …).
	Opaque struct {
		From Dialect
		Kind string
		Raw  jsontext.Value
	}
)

func (Text) part()    {}
func (Media) part()   {}
func (Thought) part() {}
func (Call) part()    {}
func (Result) part()  {}
func (Opaque) part()  {}

// Citation says where a statement comes from. URL, Title and Text are filled where the dialect has them; Start and End are
// byte offsets into the part's text, both 0 when unknown. Raw is the whole citation as From wrote it.
type Citation struct {
	URL, Title, Text string
	Start, End       int
	From             Dialect
	Raw              jsontext.Value
}

// CacheMark asks the provider to cache the prompt up to here. TTL 0 is the provider's default.
type CacheMark struct{ TTL time.Duration }

// Tool is something the model may call. A function has a Schema. A tool that the provider runs itself (web search, code
// execution, …) has a Kind other than "" and "custom", and is kept whole in Raw: only From can say it.
type Tool struct {
	Kind        string // "" function, "custom" free-text input, else From's own type name
	Name        string
	Description string
	Schema      jsontext.Value // JSON Schema of the arguments; nil when not given
	Strict      *bool
	Mark        *CacheMark
	From        Dialect
	Raw         jsontext.Value
	Ext         Ext
}

// ToolMode says whether the model may, must or must not call tools.
type ToolMode string

// The zero mode means that the caller did not say.
const (
	ToolAuto ToolMode = "auto"
	ToolNone ToolMode = "none"
	ToolAny  ToolMode = "any"  // must call one
	ToolThis ToolMode = "tool" // must call ToolChoice.Name
)

// ToolChoice is how tools may be used. Allowed restricts ToolAuto and ToolAny to some names.
type ToolChoice struct {
	Mode     ToolMode
	Name     string
	Allowed  []string
	Parallel *bool // nil: not said
}

// Sampling holds the numbers that shape a reply; nil is "not said", which differs from zero.
type Sampling struct {
	Temperature, TopP, FrequencyPenalty, PresencePenalty *float64
	TopK, MaxTokens, Seed                                *int64
	N, TopLogprobs                                       *int64
	Logprobs                                             *bool
	Stop                                                 []string
}

// Thinking asks for reasoning. All fields empty: the caller did not say.
type Thinking struct {
	Off     bool
	Auto    bool   // the model decides (Anthropic's adaptive, Gemini's budget -1)
	Effort  string // none, minimal, low, medium, high, xhigh, max
	Budget  *int64 // tokens
	Display string // "", summarized, omitted: Anthropic's display; "show"/"hide" for Gemini's includeThoughts
}

// Output constrains the form of the reply. Kind: "" free, "text" said so, "json" any JSON object, "schema" JSON by Schema.
type Output struct {
	Kind        string
	Name        string
	Description string
	Schema      jsontext.Value
	Strict      *bool
	Modalities  []string
	Verbosity   string
}
