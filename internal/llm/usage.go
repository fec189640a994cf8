package llm

import "github.com/go-json-experiment/json/jsontext"

// Meter is one thing that is counted and may have a price. Meters are disjoint: a cached token is not also an input token.
type Meter uint8

// Tokens, unless the comment says otherwise.
const (
	InputText         Meter = iota // fresh input, and whatever the provider does not break down
	InputCacheRead                 // read from the provider's prompt cache
	InputCacheWrite5m              // written to it, default lifetime
	InputCacheWrite1h              // written to it, long lifetime
	InputAudio
	InputImage
	OutputText // and whatever the provider does not break down
	OutputReasoning
	OutputAudio
	OutputImage
	Searches    // web searches run by the provider
	AudioMillis // milliseconds of audio
	Characters  // characters of speech
	Images      // images made
	NumMeters
)

// MeterNames are the stable names of the meters in logs, API and price book, by Meter.
var MeterNames = [NumMeters]string{
	"input_text", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h", "input_audio", "input_image",
	"output_text", "output_reasoning", "output_audio", "output_image",
	"searches", "audio_millis", "characters", "images",
}

func (m Meter) String() string { return MeterNames[m] }

// Source says how much a usage can be trusted.
type Source uint8

// From best to worst.
const (
	Reported  Source = iota // by the provider, at the end
	Partial                 // the stream ended early: input reported, output counted from what came
	Estimated               // counted by us
)

func (s Source) String() string { return [...]string{"reported", "partial", "estimated"}[s] }

// Usage is what one attempt consumed. Totals are computed, never stored, so nothing can be counted twice.
type Usage struct {
	N      [NumMeters]int64
	Source Source
	Tier   string         // the service tier that the provider says it used
	Billed string         // decimal US dollars, where the provider itself says what it charges (OpenRouter's cost)
	Raw    jsontext.Value // exactly what the provider said
}

// Input is the number of input tokens, cached ones included.
func (u *Usage) Input() (n int64) {
	for m := InputText; m <= InputImage; m++ {
		n += u.N[m]
	}
	return n
}

// Output is the number of output tokens, reasoning included.
func (u *Usage) Output() (n int64) {
	for m := OutputText; m <= OutputImage; m++ {
		n += u.N[m]
	}
	return n
}

// CacheWrite is the number of tokens written to the provider's prompt cache.
func (u *Usage) CacheWrite() int64 { return u.N[InputCacheWrite5m] + u.N[InputCacheWrite1h] }

// Part splits a count out of a total that contains it: whole is reduced by what goes to part. Providers have been seen to
// report parts larger than the whole; the part is then clamped, so that no meter is ever negative.
func (u *Usage) Split(whole, part Meter, n int64) {
	n = max(0, min(n, u.N[whole]))
	u.N[whole] -= n
	u.N[part] += n
}
