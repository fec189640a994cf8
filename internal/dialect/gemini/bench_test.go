package gemini

import (
	"fmt"
	"testing"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/frame/sse"
	"tidegate/internal/llm"
)

// deltaFrame is a text frame as Google sends them, the n-th of a stream.
func deltaFrame(n int) sse.Frame {
	data := fmt.Sprintf(`{"candidates": [{"content": {"parts": [{"text": " and some words of the answer"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 12,"candidatesTokenCount": %d,"totalTokenCount": %d,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 12}]},"modelVersion": "gemini-2.5-flash","responseId": "Yu6TaYC3BcuQq7UPp8rOsAY"}`, 10+n%50, 22+n%50)
	return sse.Frame{Raw: []byte("data: " + data + "\r\n\r\n"), Data: []byte(data)}
}

func deltaFrames() []sse.Frame {
	frames := make([]sse.Frame, 50)
	for i := range frames {
		frames[i] = deltaFrame(i)
	}
	return frames
}

func BenchmarkDecodeDelta(b *testing.B) {
	frames, dec := deltaFrames(), Codec{}.NewStreamDecoder(llm.Target{Model: "gemini-2.5-flash"})
	var events []llm.Event
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		var err error
		if events, err = dec.Decode(events[:0], frames[i%len(frames)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPassOn(b *testing.B) {
	frames, dec, enc := deltaFrames(), Codec{}.NewStreamDecoder(llm.Target{}), Codec{}.NewStreamEncoder(codec.StreamOptions{})
	var events []llm.Event
	var out []byte
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f := frames[i%len(frames)]
		events, _ = dec.Decode(events[:0], f)
		out = enc.Append(out[:0], llm.Step{Raw: f.Raw, Events: events}, true)
	}
}

func BenchmarkEncodeDelta(b *testing.B) {
	enc := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "x", Model: "m"})
	out := enc.Append(nil, llm.Step{Events: []llm.Event{{Kind: llm.Begin, Part: llm.Text{}}}}, false)
	step := llm.Step{Events: []llm.Event{{Kind: llm.Delta, Delta: " and some words of the answer"}}}
	b.ReportAllocs()
	for b.Loop() {
		out = enc.Append(out[:0], step, false)
	}
}

// A text frame costs its text and, where the counts changed, the provider's own usage.
func TestDecodeAllocs(t *testing.T) {
	frames, dec := deltaFrames(), Codec{}.NewStreamDecoder(llm.Target{})
	events, i := make([]llm.Event, 0, 16), 0
	decode := func() {
		events, _ = dec.Decode(events[:0], frames[i%len(frames)])
		i++
	}
	decode()
	if n := testing.AllocsPerRun(200, decode); n > 2 {
		t.Errorf("%v allocations for a text frame", n)
	}
}
