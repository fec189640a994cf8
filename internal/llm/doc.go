// Package llm is the neutral model: what a conversation, a reply and a failure are, whoever speaks them.
//
// Start here. [Chat] is a request, [Reply] a whole answer, [Step] and [Event] an answer as it arrives, [Usage] what was
// consumed, [Error] every failure the gateway speaks of. The model is shaped as ordered content parts, because that is the
// only shape into which every vendor's format fits without losing order.
//
// The package knows no dialect's syntax, no transport, no provider and no tenant, and imports nothing of ours.
package llm
