// Package codec is the contract of a dialect's codec. It is apart from package dialect, which lists the codecs and so imports
// them all, only because they name its types.
package codec

import (
	"net/http"

	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
)

// Codec is one dialect. It is larger than an interface should be, since it is the whole translation problem for chat and
// nothing else: adding a dialect is implementing this and adding a line to All.
type Codec interface {
	Dialect() llm.Dialect

	// Path is the URL path below a provider's base address for a model. It escapes the model; an unusable one is an error.
	Path(model string, stream bool) (string, error)

	// Head reads a request in one strict pass: invalid UTF-8, duplicate member names anywhere, trailing data and wrong types
	// of the members it reads are an *llm.Error of class BadRequest that says where.
	Head(body []byte) (llm.Head, error)
	// Patch makes a client's request of this dialect fit the target with edits of single members; every other byte stays.
	Patch(body []byte, head *llm.Head, to llm.Target) ([]byte, error)
	// DecodeRequest reads a request that Head accepted. Failures are *llm.Error of class BadRequest.
	DecodeRequest(body []byte) (*llm.Chat, error)
	// EncodeRequest writes the request anew. It is deterministic, and puts what is stable over a conversation first.
	EncodeRequest(chat *llm.Chat, to llm.Target) ([]byte, []llm.Loss, error)

	// DecodeReply reads a whole answer of status 2xx. An error object in it, or no answer at all, is an *llm.Error.
	DecodeReply(body []byte, from llm.Target) (*llm.Reply, error)
	EncodeReply(reply *llm.Reply) ([]byte, []llm.Loss, error)

	// NewStreamDecoder reads one streamed answer, NewStreamEncoder writes one.
	NewStreamDecoder(from llm.Target) StreamDecoder
	NewStreamEncoder(opt StreamOptions) StreamEncoder

	// DecodeError classifies an answer that is not 2xx. It never fails: unreadable bodies are classified by status.
	DecodeError(status int, header http.Header, body []byte) *llm.Error
	// EncodeError is the error body in this dialect's own shape.
	EncodeError(err *llm.Error) []byte
}

// StreamOptions is what the client said about the stream it wants.
type StreamOptions struct {
	Usage bool   // a usage event is wanted, where the dialect makes that a choice
	ID    string // for dialects whose events carry an id, when the upstream gave none
	Model string // likewise
	Now   int64  // Unix seconds, likewise
}

// StreamDecoder reads the frames of one answer, in order.
type StreamDecoder interface {
	// Decode appends the events of a frame to dst. An error that the upstream reports inside the stream comes back as an
	// *llm.Error with the frame as Raw; an unreadable frame as one of class Network.
	Decode(dst []llm.Event, frame sse.Frame) ([]llm.Event, error)
	// Close appends what remains to be said after the last frame. A stream that stopped before it was finished is an
	// *llm.Error of class Network with code "upstream_truncated": a break must never look like an end.
	Close(dst []llm.Event) ([]llm.Event, error)
}

// StreamEncoder writes the frames of one answer.
type StreamEncoder interface {
	// Append appends the frames for one step. A step with Raw of the same dialect is copied as it is, unless it holds nothing
	// but a usage event that the client did not ask for.
	Append(dst []byte, step llm.Step, same bool) []byte
	// Close appends what the dialect needs after the last step (a terminator that a foreign upstream has no word for).
	Close(dst []byte) []byte
	// Fail appends the dialect's own error event, for an error after the 200 went out.
	Fail(dst []byte, err *llm.Error) []byte
	// Ping appends what keeps a silent connection open and every client ignores.
	Ping(dst []byte) []byte
	// Losses are the things so far that the dialect could not say.
	Losses() []llm.Loss
}
