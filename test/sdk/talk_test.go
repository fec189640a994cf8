// Package sdk holds the gateway to what the vendors' own Go SDKs make of it: what an SDK tells its user must be what the
// upstream said, whichever dialect the upstream speaks.
package sdk

import (
	"context"
	"encoding/json"
	"net/http"
)

// vendor is one SDK, and the dialect that it speaks.
type vendor struct {
	name  string // of the provider of the same dialect in the gateway's configuration
	begin func(where address, o options) talk
	fault func(error) *fault
}

var vendors = []vendor{
	{"openai", newOpenAI, openAIFault},
	{"anthropic", newAnthropic, anthropicFault},
	{"google", newGoogle, googleFault},
}

// address is where an SDK sends its requests.
type address struct {
	url    string
	key    string
	client *http.Client
}

// options are those of every request of a conversation.
type options struct {
	model  string
	tools  []tool
	schema map[string]any // of the answer
	think  bool
}

type tool struct {
	name, about string
	schema      map[string]any
}

// talk is a conversation. It keeps its history as the SDK wants it kept.
type talk interface {
	say(text string)
	show(text string, png []byte)
	results(calls []call, texts []string)
	ask(ctx context.Context, stream bool) (*answer, error) // what came so far comes with the error
}

// answer is what an SDK tells its user.
type answer struct {
	Text    string
	Thought string
	Calls   []call
	Stop    string // stop, length, tools, declined; else the SDK's own word
	Usage   usage
}

type call struct{ ID, Name, Args string }

// usage counts all input and all output; Cached is a part of In.
type usage struct{ In, Out, Cached int64 }

// fault is what an SDK tells of an error.
type fault struct {
	status int
	code   string // ours where it is ours
	said   string
}

// canonical writes JSON in one way, so that two writings of the same value are equal. What is no JSON stays as it is.
func canonical(text string) string {
	if text == "" {
		return "{}" // a call without arguments
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(b)
}

// canonicalText is the text as canonical writes it inside of JSON.
func canonicalText(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		return text
	}
	return string(b)
}
