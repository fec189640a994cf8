// Package dialect lists the codecs: one package below it per wire format, each translating between bytes and the neutral
// model of package llm, in both directions.
//
// A codec is pure: no I/O, no clock, no global state, no knowledge of HTTP beyond status and headers of an error, and none of
// providers beyond [llm.Quirks]. So golden files can test it completely.
package dialect

import "tidegate/internal/dialect/codec"

// The contract, under the names by which everybody else knows it.
type (
	Codec         = codec.Codec
	StreamOptions = codec.StreamOptions
	StreamDecoder = codec.StreamDecoder
	StreamEncoder = codec.StreamEncoder
)
