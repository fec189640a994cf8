package gemini

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
	"tidegate/internal/stream"
)

// The same answer, whole and in frames cut anywhere, is the same reply.
func TestTwins(t *testing.T) {
	word := rapid.StringMatching(`[a-zé"\\ \n]{1,6}`)
	part := rapid.Custom(func(t *rapid.T) string {
		s := string(rawjson.AppendQuote(nil, word.Draw(t, "text")))
		signature := rapid.SampledFrom([]string{"", `,"thoughtSignature":"c2ln"`}).Draw(t, "signature")
		return rapid.SampledFrom([]string{
			`{"text":` + s + signature + `}`, `{"text":` + s + `,"thought":true` + signature + `}`, `{"functionCall":{"name":"f","args":{"a":` + s + `}}` + signature + `}`,
			`{"text":""` + signature + `}`, `{"executableCode":{"code":` + s + `}}`, `{"inlineData":{"mimeType":"image/png","data":"AAE="}}`,
		}).Draw(t, "part")
	})
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(part, 0, 8).Draw(t, "parts")
		usage := `,"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"thoughtsTokenCount":5},"modelVersion":"m","responseId":"r"}`
		doc := func(parts []string, rest string) string {
			return `{"candidates":[{"content":{"parts":[` + strings.Join(parts, ",") + `],"role":"model"}` + rest + `}]` + usage
		}
		reply, err := Codec{}.DecodeReply([]byte(doc(parts, `,"finishReason":"STOP"`)), llm.Target{})
		if err != nil {
			t.Fatal(err)
		}
		var docs []string
		for rest := parts; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "frame")
			docs, rest = append(docs, doc(rest[:n], "")), rest[n:]
		}
		docs = append(docs, doc(nil, `,"finishReason":"STOP"`))
		chunk := rapid.IntRange(1, 40).Draw(t, "chunk")
		all, _, err := decode([]byte(frames(docs...)), llm.Target{}, func(r io.Reader) io.Reader { return &chunks{r, chunk} })
		if diff := cmp.Diff(reply, collect(all), equal); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
		// The encoder's stream and the encoder's reply are twins too.
		enc := Codec{}.NewStreamEncoder(codec.StreamOptions{})
		again, _, err := decode(enc.Append(nil, llm.Step{Events: stream.Events(nil, reply)}, false), llm.Target{}, asIs)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spoken(reply), spoken(collect(again)), equal); diff != "" {
			t.Fatal(diff)
		}
	})
}

type chunks struct {
	r io.Reader
	n int
}

func (c *chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

func FuzzRequest(f *testing.F) {
	f.Add(`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},{"text":"a","thought":true}]},{"parts":[{"functionResponse":{"name":"f","response":{"result":[1]}}},{"text":"b"}]}]}`)
	f.Add(`{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAE="}},{"new":1}]}],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}`)
	f.Add(`{"contents":[],"generationConfig":{"thinkingConfig":{"thinkingBudget":0},"responseSchema":{"type":6},"temperature":1e3},"zz":{"a":null}}`)
	f.Fuzz(func(t *testing.T, body string) {
		head, err := Codec{}.Head([]byte(body))
		if err != nil {
			return
		}
		chat, err := Codec{}.DecodeRequest([]byte(body))
		if err != nil {
			return
		}
		if head.Messages != len(chat.Messages) {
			t.Fatalf("head counts %d messages of %d", head.Messages, len(chat.Messages))
		}
		to := llm.Target{Model: "gemini-2.5-flash", Issuer: "google"}
		out, _, err := Codec{}.EncodeRequest(chat, to)
		if err != nil {
			t.Fatal(err)
		}
		if err := rawjson.Check(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		// What was written once is as the encoder arranges it; from there on nothing changes any more.
		first, err := Codec{}.DecodeRequest(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out2, losses, _ := Codec{}.EncodeRequest(first, to)
		second, err := Codec{}.DecodeRequest(out2)
		if err != nil {
			t.Fatalf("%v\n%s", err, out2)
		}
		if diff := cmp.Diff(first, second, equal); diff != "" && len(losses) == 0 {
			t.Fatalf("%s\n%s\n%s", out, out2, diff)
		}
	})
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(candidateDoc(`{"text":"a"},{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"s"}`, `,"finishReason":"STOP"`)))
	f.Add([]byte(`{"promptFeedback":{"blockReason":"SAFETY"}}`))
	f.Add([]byte(candidateDoc(`{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a[1]","stringValue":"x"}],"willContinue":true}}`, `,"finishReason":2,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"endIndex":1},"groundingChunkIndices":[0]}]}`)))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _, _ = decode([]byte("data: "+strings.ReplaceAll(string(body), "\n", "")+"\n\n"), llm.Target{}, asIs)
		_, _, _ = decode(body, llm.Target{}, asIs)
		reply, err := Codec{}.DecodeReply(body, llm.Target{})
		if err != nil {
			return
		}
		out, losses, err := Codec{}.EncodeReply(reply)
		if err != nil {
			t.Fatal(err)
		}
		if err := rawjson.Check(out); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		again, err := Codec{}.DecodeReply(out, llm.Target{})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for i := range reply.Choices { // an unknown word goes out as STOP
			if reply.Choices[i].Stop.Reason == llm.StopOther {
				again.Choices[i].Stop = reply.Choices[i].Stop
			}
		}
		if diff := cmp.Diff(spoken(reply), spoken(again), equal); diff != "" && len(losses) == 0 {
			t.Fatalf("%s\n%s", out, diff)
		}
	})
}

func FuzzError(f *testing.F) {
	f.Add(429, []byte(`[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x.RetryInfo","retryDelay":"1s"}]}}]`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := Codec{}.DecodeError(status, nil, body)
		if e.Class == 0 || e.Message == "" {
			t.Fatalf("%+v", e)
		}
		if err := rawjson.Check(Codec{}.EncodeError(e)); err != nil {
			t.Fatal(err)
		}
	})
}
