package gemini

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
	"tidegate/internal/stream"
)

var _ codec.Codec = Codec{}

// frames joins documents to a stream.
func frames(docs ...string) string {
	var b strings.Builder
	for _, d := range docs {
		b.WriteString("data: " + d + "\r\n\r\n")
	}
	return b.String()
}

func candidateDoc(parts, rest string) string {
	return `{"candidates":[{"content":{"parts":[` + parts + `],"role":"model"}` + rest + `,"index":0}],"modelVersion":"m","responseId":"r-1"}`
}

// brief writes events so that a person can compare them.
func brief(all []llm.Event) string {
	var b strings.Builder
	for _, e := range all {
		at := fmt.Sprintf("%d.%d", e.Choice, e.Index)
		switch e.Kind {
		case llm.Start:
			fmt.Fprintf(&b, "start %s %s\n", e.ID, e.Model)
		case llm.Begin:
			switch p := e.Part.(type) {
			case llm.Text:
				fmt.Fprintf(&b, "%s text\n", at)
			case llm.Thought:
				fmt.Fprintf(&b, "%s thought %v %v\n", at, p.Redacted, p.Seal != nil)
			case llm.Call:
				fmt.Fprintf(&b, "%s call %s %s\n", at, p.ID, p.Name)
			case llm.Opaque:
				fmt.Fprintf(&b, "%s opaque %s\n", at, p.Kind)
			case llm.Media:
				fmt.Fprintf(&b, "%s media %s %d\n", at, p.Type, len(p.Data))
			}
		case llm.Delta:
			fmt.Fprintf(&b, "%s + %s\n", at, e.Delta)
		case llm.Sealed:
			fmt.Fprintf(&b, "%s seal %s\n", at, e.Seal.Data)
		case llm.Cited:
			fmt.Fprintf(&b, "%s cite %s %d-%d\n", at, e.Cites[0].URL, e.Cites[0].Start, e.Cites[0].End)
		case llm.End:
			fmt.Fprintf(&b, "%s end\n", at)
		case llm.Metered:
			fmt.Fprintf(&b, "usage %d %d\n", e.Usage.Input(), e.Usage.Output())
		case llm.Finish:
			fmt.Fprintf(&b, "finish %d %s %s\n", e.Choice, e.Stop.Reason, e.Stop.Raw)
		case llm.Done:
			b.WriteString("done\n")
		}
	}
	return b.String()
}

func TestStreamDecoder(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"text goes on over frames", frames(candidateDoc(`{"text":"a"}`, ""), candidateDoc(`{"text":""},{"text":"b"},{"text":"c"}`, ""), candidateDoc(`{"text":""}`, `,"finishReason":"STOP"`)),
			"start r-1 m\n0.0 text\n0.0 + a\n0.0 + b\n0.0 + c\n0.0 end\nfinish 0 end STOP\ndone\n"},
		{"kinds alternate", frames(candidateDoc(`{"text":"h","thought":true}`, ""), candidateDoc(`{"text":"m","thought":true},{"text":"a"}`, ""), candidateDoc(`{"text":"h2","thought":true}`, `,"finishReason":"MAX_TOKENS"`)),
			"start r-1 m\n0.0 thought false false\n0.0 + h\n0.0 + m\n0.0 end\n0.1 text\n0.1 + a\n0.1 end\n0.2 thought false false\n0.2 + h2\n0.2 end\nfinish 0 length MAX_TOKENS\ndone\n"},
		{"signatures", frames(candidateDoc(`{"text":"a"}`, ""), candidateDoc(`{"text":"","thoughtSignature":"s1"},{"text":"b","thoughtSignature":"s2"},{"thought":true,"thoughtSignature":"s3"},{"text":"","thoughtSignature":"s4"}`, `,"finishReason":"STOP"`)),
			"start r-1 m\n0.0 text\n0.0 + a\n0.0 seal s1\n0.0 end\n0.1 text\n0.1 + b\n0.1 seal s2\n0.1 end\n0.2 thought true true\n0.2 end\n0.3 text\n0.3 seal s4\n0.3 end\nfinish 0 end STOP\ndone\n"},
		{"calls", frames(candidateDoc(`{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"s"},{"functionCall":{"name":"f"}}`, ""), candidateDoc(`{"functionCall":{"id":"own","name":"g","args":{}}}`, `,"finishReason":"STOP"`)),
			"start r-1 m\n0.0 call call_r-1_0 f\n0.0 seal s\n0.0 + {\"a\":1}\n0.0 end\n0.1 call call_r-1_1 f\n0.1 end\n0.2 call own g\n0.2 + {}\n0.2 end\nfinish 0 tools STOP\ndone\n"},
		{"a broken call", frames(candidateDoc(``, `,"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"x"`)),
			"start r-1 m\nfinish 0 malformed_call MALFORMED_FUNCTION_CALL\ndone\n"},
		{"an undeclared call", frames(candidateDoc(`{"functionCall":{"name":"f"}}`, `,"finishReason":"UNEXPECTED_TOOL_CALL"`)),
			"start r-1 m\n0.0 call call_r-1_0 f\n0.0 end\nfinish 0 malformed_call UNEXPECTED_TOOL_CALL\ndone\n"},
		{"STOP ends nothing", frames(candidateDoc(`{"executableCode":{"code":"1"}}`, `,"finishReason":"STOP"`), candidateDoc(`{"codeExecutionResult":{"outcome":"OK"}}`, ""), candidateDoc(`{"text":"a"}`, `,"finishReason":"STOP"`)),
			"start r-1 m\n0.0 opaque executableCode\n0.0 end\n0.1 opaque codeExecutionResult\n0.1 end\n0.2 text\n0.2 + a\n0.2 end\nfinish 0 end STOP\ndone\n"},
		{"several candidates, in any order", frames(`{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}},{"content":{"parts":[{"text":"a"}]},"index":0}]}`, `{"responseId":"late","candidates":[{"index":0,"finishReason":"STOP"},{"index":1,"finishReason":3}]}`),
			"start  \n1.0 text\n1.0 + b\n0.0 text\n0.0 + a\n0.0 end\nfinish 0 end STOP\n1.0 end\nfinish 1 filtered 3\ndone\n"},
		{"a refused prompt", frames(`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8},"modelVersion":"m","responseId":"r"}`),
			"start r m\nusage 8 0\nfinish 0 filtered PROHIBITED_CONTENT\ndone\n"},
		{"usage grows field by field", frames(`{"usageMetadata":{"trafficType":"ON_DEMAND"}}`, `{"usageMetadata":{"promptTokenCount":5},"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"usageMetadata":{"candidatesTokenCount":2,"thoughtsTokenCount":3}}`, `{"usageMetadata":{"candidatesTokenCount":2,"thoughtsTokenCount":3},"candidates":[{"finishReason":"STOP"}]}`),
			"start  \n0.0 text\n0.0 + a\nusage 5 0\nusage 5 5\n0.0 end\nfinish 0 end STOP\ndone\n"},
		{"comments, blank lines, LF, unknown words", ": hello\n\n\n\ndata: " + candidateDoc(`{"text":"a"}`, `,"finishReason":"NEW_REASON"`) + "\n\n: bye\n\ndata: {}\n\n",
			"start r-1 m\n0.0 text\n0.0 + a\n0.0 end\nfinish 0 other NEW_REASON\ndone\n"},
		{"pictures", frames(candidateDoc(`{"inlineData":{"mimeType":"image/png","data":"AAE="},"thought":true},{"inlineData":{"mimeType":"image/png","data":"AAE="},"thoughtSignature":"s"}`, `,"finishReason":"STOP"`)),
			"start r-1 m\n0.0 opaque inlineData\n0.0 end\n0.1 media image/png 2\n0.1 end\nfinish 0 end STOP\ndone\n"},
		{"where it comes from", frames(candidateDoc(`{"text":"é one"}`, ""), candidateDoc(`{"text":" two"}`, `,"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q","p"],"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"retrievedContext":{"uri":"gs://b"}},{"web":{"title":"no address"}}],"groundingSupports":[{"segment":{"endIndex":6,"text":"é one"},"groundingChunkIndices":[0,2,1]},{"segment":{"startIndex":7,"endIndex":10},"groundingChunkIndices":[0]},{"segment":{"startIndex":7,"endIndex":99},"groundingChunkIndices":[0]},{"segment":{"startIndex":7,"endIndex":10},"groundingChunkIndices":[0]}]}`)),
			"start r-1 m\n0.0 text\n0.0 + é one\n0.0 +  two\n0.0 cite https://a 0-6\n0.0 cite gs://b 0-6\n0.0 cite https://a 7-10\n0.0 cite https://a 0-0\n0.0 end\nfinish 0 end STOP\ndone\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, wrap := range []func(io.Reader) io.Reader{asIs, iotest.OneByteReader} {
				all, _, err := decode([]byte(tt.in), llm.Target{}, wrap)
				if diff := cmp.Diff(tt.want, brief(all)); diff != "" || err != nil {
					t.Fatalf("%v\n%s", err, diff)
				}
				grammar(t, all)
			}
		})
	}
}

func TestPieces(t *testing.T) {
	piece := func(s string) string { return candidateDoc(`{"functionCall":`+s+`}`, "") }
	in := frames(
		candidateDoc(`{"functionCall":{"name":"cook","willContinue":true},"thoughtSignature":"s"}`, ""),
		piece(`{"partialArgs":[{"jsonPath":"$.recipe.steps[0].text","stringValue":"boil \"w","willContinue":true}],"willContinue":true}`),
		piece(`{"partialArgs":[{"jsonPath":"$.recipe.steps[0].text","stringValue":"ater\""}],"willContinue":true}`),
		piece(`{"willContinue":true}`),
		piece(`{"partialArgs":[{"jsonPath":"$.recipe.steps[1].minutes","numberValue":2.50},{"jsonPath":"$.recipe['odd.name']","boolValue":true},{"jsonPath":"$.none","nullValue":"NULL_VALUE"},{"jsonPath":"oops","stringValue":"x"},{"jsonPath":"$.recipe.steps.x","stringValue":"x"}],"willContinue":true}`),
		piece(`{}`),
		piece(`{"name":"rest","willContinue":true}`), piece(`{}`),
		piece(`{"name":"cut","willContinue":true}`), piece(`{"partialArgs":[{"jsonPath":"$.a","stringValue":"b","willContinue":true}],"willContinue":true}`),
		candidateDoc(`{"text":""}`, `,"finishReason":"STOP"`),
	)
	all, _, err := decode([]byte(in), llm.Target{}, asIs)
	if err != nil {
		t.Fatal(err)
	}
	want := "start r-1 m\n0.0 call call_r-1_0 cook\n0.0 seal s\n" +
		`0.0 + {"recipe":{"steps":[{"text":"boil \"water\""},{"minutes":2.50}],"odd.name":true},"none":null}` +
		"\n0.0 end\n0.1 call call_r-1_1 rest\n0.1 end\n0.2 call call_r-1_2 cut\n0.2 + {\"a\":\"b\"}\n0.2 end\nfinish 0 tools STOP\ndone\n"
	if diff := cmp.Diff(want, brief(all)); diff != "" {
		t.Error(diff)
	}
}

func TestStreamFailures(t *testing.T) {
	whole := candidateDoc(`{"text":"a"}`, "")
	for _, tt := range []struct {
		name, in, code string
		class          llm.Class
	}{
		{"nothing", "", "upstream_truncated", llm.Network},
		{"cut", frames(whole), "upstream_truncated", llm.Network},
		{"one of two cut", frames(`{"candidates":[{"index":0,"finishReason":"STOP"},{"index":1,"content":{"parts":[{"text":"a"}]}}]}`), "upstream_truncated", llm.Network},
		{"an error inside", frames(whole, `{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`), "UNAVAILABLE", llm.Overloaded},
		{"a list of one error", frames(`[{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}]`), "RESOURCE_EXHAUSTED", llm.RateLimited},
		{"not JSON", frames(whole, `<html>`), "upstream_invalid_response", llm.Network},
		{"half a document", frames(`{"candidates":[{"content":{"parts":[{"te`), "upstream_invalid_response", llm.Network},
		{"an absurd index", frames(`{"candidates":[{"index":1000000000}]}`), "upstream_invalid_response", llm.Network},
	} {
		_, _, err := decode([]byte(tt.in), llm.Target{}, asIs)
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Code != tt.code || e.Class != tt.class || !e.Sent || strings.Contains(e.Message, "html") {
			t.Errorf("%s: %v (%+v)", tt.name, err, e)
		}
		if ok && e.Class != llm.Network && string(e.Raw) != tt.in[len(tt.in)-len(e.Raw):] {
			t.Errorf("%s: raw %q", tt.name, e.Raw)
		}
	}
	for body, code := range map[string]string{
		"": "upstream_invalid_response", "<html>": "upstream_invalid_response", `{"candidates":[{"content":{"parts":[{"text":"a"`: "upstream_invalid_response", "[]": "upstream_invalid_response",
		`{"usageMetadata":{"promptTokenCount":1}}`: "upstream_empty", `{}`: "upstream_empty", `{"candidates":[]}`: "upstream_empty", `{"candidates":7}`: "upstream_invalid_response",
		`{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}`: "INVALID_ARGUMENT",
	} {
		_, err := Codec{}.DecodeReply([]byte(body), llm.Target{})
		raw := "" // only an error of the vendor's is for clients of the dialect
		if code == "INVALID_ARGUMENT" {
			raw = body
		}
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Code != code || string(e.Raw) != raw {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestDecodeReply(t *testing.T) {
	in := `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"text":"b"}],"role":"model"},"finishReason":"STOP","avgLogprobs":-0.5,
		"logprobsResult":{"topCandidates":[{"candidates":[{"token":"a","logProbability":-0.1},{"token":"z"}]}],"chosenCandidates":[{"token":"a","tokenId":7,"logProbability":-0.1}]}}],
		"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":30,"thoughtsTokenCount":50,"toolUsePromptTokenCount":7,"totalTokenCount":187,"serviceTier":"flex",
		"promptTokensDetails":[{"modality":"TEXT","tokenCount":50},{"modality":"AUDIO","tokenCount":30},{"modality":2,"tokenCount":20}],"cacheTokensDetails":[{"modality":4,"tokenCount":10}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":25}]},
		"modelVersion":"gemini-2.5-flash-image","createTime":"2026-05-04T20:01:02.264968Z","responseId":"r","modelStatus":{"s":1}}`
	got, err := Codec{}.DecodeReply([]byte(in), llm.Target{Model: "gemini-2.5-flash-image"})
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Reply{
		ID: "r", Model: "gemini-2.5-flash-image", Created: 1777924862,
		Choices: []llm.Choice{{
			Parts:    []llm.Part{llm.Thought{Text: "hm"}, txt("ab")},
			Stop:     llm.Stop{Reason: llm.StopEnd, Raw: "STOP"},
			Logprobs: jsontext.Value(`{"content":[{"token":"a","logprob":-0.1,"bytes":null,"top_logprobs":[{"token":"a","logprob":-0.1,"bytes":null},{"token":"z","logprob":0,"bytes":null}]}]}`),
			Ext:      llm.Ext{llm.Gemini: jsontext.Value(`{"avgLogprobs":-0.5,"logprobsResult":` + string(rawjson.Get(rawjson.Get([]byte(in), "candidates")[1:], "logprobsResult")) + `}`)},
		}},
		Usage: &llm.Usage{Tier: "flex", Raw: rawjson.Get([]byte(in), "usageMetadata")},
		Ext:   llm.Ext{llm.Gemini: jsontext.Value(`{"modelStatus":{"s":1}}`)},
	}
	for m, n := range map[llm.Meter]int64{
		llm.InputText: 100 - 40 - 20 - 20 + 7, llm.InputCacheRead: 40, llm.InputAudio: 20, llm.InputImage: 20,
		llm.OutputText: 5, llm.OutputImage: 25, llm.OutputReasoning: 50,
	} {
		want.Usage.N[m] = n
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
	for model, searches := range map[string]int64{"gemini-2.5-flash": 1, "gemini-3-flash-preview": 2} {
		r, err := Codec{}.DecodeReply([]byte(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","","b"]}}],"usageMetadata":{"promptTokenCount":1}}`), llm.Target{Model: model})
		if err != nil || r.Usage.N[llm.Searches] != searches {
			t.Errorf("%s: %v %v", model, r.Usage, err)
		}
	}
	// A breakdown larger than its whole must not make a meter negative.
	r, err := Codec{}.DecodeReply([]byte(`{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"cachedContentTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":7}]}}`), llm.Target{})
	if err != nil || r.Usage.N[llm.InputCacheRead] != 5 || r.Usage.N[llm.InputText] != 0 || r.Usage.N[llm.InputAudio] != 0 {
		t.Errorf("%v %v", r.Usage, err)
	}
}

// Every reason has a word, and every word of ours comes back as the reason that it was.
func TestStops(t *testing.T) {
	for _, r := range []llm.StopReason{llm.StopNone, llm.StopEnd, llm.StopLength, llm.StopSequence, llm.StopTools, llm.StopFiltered, llm.StopRefusal, llm.StopPause, llm.StopWindow, llm.StopMalformed, llm.StopOther} {
		if _, known := reasons[finishWord(r)]; !known {
			t.Errorf("%s: %s", r, finishWord(r))
		}
	}
	write := func(s llm.Stop) string {
		var w rawjson.Writer
		writeFinish(&w, s)
		return string(w.B)
	}
	for word, reason := range reasons {
		if got := readStop([]byte(`"` + word + `"`)); got.Reason != reason || got.Raw != word {
			t.Errorf("%s: %+v", word, got)
		}
		if got := write(llm.Stop{Reason: reason, Raw: word}); reason != llm.StopNone && got != `"finishReason":"`+word+`"` {
			t.Errorf("%s: %s", word, got)
		}
	}
	for _, tt := range []struct {
		stop llm.Stop
		want string
	}{
		{llm.Stop{Reason: llm.StopTools, Raw: "STOP"}, `"finishReason":"STOP"`},
		{llm.Stop{Reason: llm.StopTools, Raw: "1"}, `"finishReason":1`},
		{llm.Stop{Reason: llm.StopEnd, Raw: "end_turn"}, `"finishReason":"STOP"`},
		{llm.Stop{Reason: llm.StopFiltered, Raw: "content_filter"}, `"finishReason":"SAFETY"`},
		{llm.Stop{Reason: llm.StopOther, Raw: "new"}, `"finishReason":"STOP"`},
		{llm.Stop{}, ``},
	} {
		if got := write(tt.stop); got != tt.want {
			t.Errorf("%+v: %s", tt.stop, got)
		}
	}
}

// foreign is a reply as another dialect's decoder would give it.
var foreign = llm.Reply{
	ID: "msg_1", Model: "claude",
	Choices: []llm.Choice{{
		Parts: []llm.Part{
			llm.Thought{Text: "hm", Seal: &llm.Seal{Issuer: "anthropic", Data: "sig=="}}, llm.Thought{Redacted: true, Seal: &llm.Seal{Issuer: "anthropic", Data: "red"}},
			llm.Text{Text: "é one two", Cites: []llm.Citation{{URL: "https://a", Title: "A", Text: "t", Start: 3, End: 6}, {URL: "https://b"}, {URL: "https://a", Start: 7, End: 10}, {Title: "no address"}}},
			llm.Call{ID: "toolu_1", Name: "f", Args: "{\n \"a\": \"x  y\" }"}, llm.Call{ID: "toolu_2", Name: "g"}, llm.Opaque{From: llm.Anthropic, Kind: "server_tool_use"},
		},
		Stop:     llm.Stop{Reason: llm.StopTools, Raw: "tool_use"},
		Logprobs: jsontext.Value(`{"content":[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[{"token":"b","logprob":-2}]}]}`),
	}},
	Usage: &llm.Usage{N: [llm.NumMeters]int64{llm.InputText: 10, llm.InputCacheRead: 5, llm.InputCacheWrite5m: 2, llm.OutputText: 7, llm.OutputReasoning: 3}, Raw: jsontext.Value(`{"input_tokens":10}`)},
	Ext:   llm.Ext{llm.Anthropic: jsontext.Value(`{"container":1}`)},
}

const (
	foreignParts = `{"text":"hm","thought":true,"thoughtSignature":"dGcxLmFudGhyb3BpYy5jMmxuUFQw"},{"thought":true,"thoughtSignature":"dGcxLmFudGhyb3BpYy5jbVZr"},{"text":"é one two"},` +
		`{"functionCall":{"id":"toolu_1","name":"f","args":{"a":"x  y"}}},{"functionCall":{"id":"toolu_2","name":"g","args":{}}}`
	foreignGround = `"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"web":{"uri":"https://b"}}],"groundingSupports":[` +
		`{"segment":{"startIndex":3,"endIndex":6},"groundingChunkIndices":[0]},{"segment":{"startIndex":0,"endIndex":10},"groundingChunkIndices":[1]},{"segment":{"startIndex":7,"endIndex":10},"groundingChunkIndices":[0]}]}`
	foreignProbs = `"logprobsResult":{"topCandidates":[{"candidates":[{"token":"b","logProbability":-2}]}],"chosenCandidates":[{"token":"a","logProbability":-1}]}`
	foreignUsage = `"usageMetadata":{"promptTokenCount":17,"cachedContentTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":3,"totalTokenCount":27},"modelVersion":"claude","responseId":"msg_1"}`
)

func TestEncodeReply(t *testing.T) {
	got, losses, err := Codec{}.EncodeReply(&foreign)
	if err != nil || paths(losses) != "content container" {
		t.Error(err, losses)
	}
	want := `{"candidates":[{"content":{"parts":[` + foreignParts + `],"role":"model"},"finishReason":"STOP","index":0,` + foreignGround + `,` + foreignProbs + `}],` + foreignUsage
	if diff := cmp.Diff(want, tight(string(got))); diff != "" {
		t.Error(diff)
	}
	back, err := Codec{}.DecodeReply(got, llm.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(foreign.Choices[0].Parts[:2], back.Choices[0].Parts[:2], equal); diff != "" {
		t.Errorf("seals\n%s", diff)
	}
	blocked, _ := Codec{}.DecodeReply([]byte(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8}}`), llm.Target{})
	got, _, _ = Codec{}.EncodeReply(blocked)
	if want := `{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":0,"totalTokenCount":8}}`; string(got) != want {
		t.Errorf("%s", got)
	}
}

func TestStreamEncoder(t *testing.T) {
	enc := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "gw", Model: "alias"})
	out := string(enc.Append(nil, llm.Step{Events: stream.Events(nil, &foreign)}, false))
	want := `data: {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"","thought":true,"thoughtSignature":"dGcxLmFudGhyb3BpYy5jMmxuUFQw"},{"thought":true,"thoughtSignature":"dGcxLmFudGhyb3BpYy5jbVZr"},{"text":"é one two"},` +
		`{"functionCall":{"id":"toolu_1","name":"f","args":{"a":"x  y"}}},{"functionCall":{"id":"toolu_2","name":"g","args":{}}}],"role":"model"},` + foreignProbs + `,"index":0}],"modelVersion":"claude","responseId":"msg_1"}` + "\n\n" +
		`data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP",` + foreignGround + `,"index":0}],` + foreignUsage + "\n\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if paths(enc.Losses()) != "content" || len(enc.Close(nil)) > 0 {
		t.Error(enc.Losses())
	}

	enc = Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "gw", Model: "alias"})
	steps := []llm.Step{
		{Events: []llm.Event{{Kind: llm.Start}}}, {Events: []llm.Event{{Kind: llm.Begin, Part: llm.Text{}}}}, {Events: []llm.Event{{Kind: llm.Delta, Delta: "a\nb"}}},
		{Events: []llm.Event{{Kind: llm.Begin, Index: 1, Part: llm.Call{ID: "1", Name: "f"}}}}, {Events: []llm.Event{{Kind: llm.Delta, Index: 1, Delta: `{"a"`}}}, {Events: []llm.Event{{Kind: llm.Delta, Index: 1, Delta: `:1}`}, {Kind: llm.Sealed, Index: 1, Seal: seal("s")}}},
		{Events: []llm.Event{{Kind: llm.End, Index: 1}}}, {Events: []llm.Event{{Kind: llm.Finish, Stop: llm.Stop{Reason: llm.StopTools}}}}, {Events: []llm.Event{{Kind: llm.Metered, Usage: foreign.Usage}}}, {Events: []llm.Event{{Kind: llm.Other}}},
	}
	out = ""
	for _, s := range steps {
		out += string(enc.Append(nil, s, false))
	}
	out += string(enc.Close(nil))
	want = `data: {"candidates":[{"content":{"parts":[{"text":"a\nb"}],"role":"model"},"index":0}],"modelVersion":"alias","responseId":"gw"}` + "\n\n" +
		`data: {"candidates":[{"content":{"parts":[{"functionCall":{"id":"1","name":"f","args":{"a":1}},"thoughtSignature":"s"}],"role":"model"},"index":0}],"modelVersion":"alias","responseId":"gw"}` + "\n\n" +
		`data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":17,"cachedContentTokenCount":5,"candidatesTokenCount":7,"thoughtsTokenCount":3,"totalTokenCount":27},"modelVersion":"alias","responseId":"gw"}` + "\n\n"
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if got := string(enc.Fail(nil, &llm.Error{Class: llm.Overloaded, Code: "c", Message: "m"})); got != `data: {"error":{"code":503,"message":"m","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"c","domain":"tidegate"}]}}`+"\n\n" {
		t.Error(got)
	}
	if got := string(enc.Ping(nil)); got != "\n\n" {
		t.Errorf("%q", got)
	}
}

// A stream of Google's that is passed on stays as it is, but for the frames that somebody changed.
func TestStreamEncoderMixed(t *testing.T) {
	in := frames(candidateDoc(`{"text":"one"}`, ""), candidateDoc(`{"text":" two"}`, ""), strings.Replace(candidateDoc(`{"text":" three"}`, `,"finishReason":"STOP"`), `"modelVersion"`, `"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion"`, 1))
	_, steps, err := decode([]byte(in), llm.Target{}, asIs)
	if err != nil {
		t.Fatal(err)
	}
	for changed, want := range map[int]string{
		-1: in,
		1:  strings.Replace(in, `{"text":" two"}],"role":"model"},"index":0}]`, `{"text":" TWO"}],"role":"model"},"index":0}]`, 1),
		2: frames(candidateDoc(`{"text":"one"}`, ""), candidateDoc(`{"text":" two"}`, ""), candidateDoc(`{"text":" THREE"}`, ""),
			`{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"modelVersion":"m","responseId":"r-1"}`),
	} {
		enc := Codec{}.NewStreamEncoder(codec.StreamOptions{ID: "gw", Model: "alias"})
		var out []byte
		for i, s := range steps {
			if s = s.Clone(); i == changed {
				s.Raw = nil
				for k := range s.Events {
					s.Events[k].Delta = strings.ToUpper(s.Events[k].Delta)
				}
			}
			out = enc.Append(out, s, true)
		}
		out = enc.Close(out)
		if diff := cmp.Diff(want, string(out)); diff != "" {
			t.Errorf("%d changed\n%s", changed, diff)
		}
		if got := string(enc.Ping(nil)); got != "\r\n\r\n" {
			t.Errorf("%q", got)
		}
	}
	blocked := frames(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8}}`)
	_, steps, _ = decode([]byte(blocked), llm.Target{}, asIs)
	for _, raw := range []bool{true, false} {
		enc := Codec{}.NewStreamEncoder(codec.StreamOptions{})
		var out []byte
		for _, s := range steps {
			if !raw {
				s.Raw = nil
			}
			out = enc.Append(out, s, true)
		}
		out = enc.Close(out)
		want := blocked
		if !raw {
			want = `data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":0,"totalTokenCount":8}}` + "\n\n"
		}
		if string(out) != want {
			t.Errorf("raw %v: %q", raw, out)
		}
	}
}

func TestErrors(t *testing.T) {
	detail := func(kind, rest string) string {
		return `{"@type":"type.googleapis.com/google.rpc.` + kind + `",` + rest + `}`
	}
	body := func(code int, status, message string, details ...string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, code, message, status, strings.Join(details, ","))
	}
	for _, tt := range []struct {
		status int
		header http.Header
		body   string
		class  llm.Class
		code   string
		wait   time.Duration
	}{
		{400, nil, body(400, "INVALID_ARGUMENT", "bad"), llm.BadRequest, "INVALID_ARGUMENT", 0},
		{400, nil, "[" + body(400, "INVALID_ARGUMENT", "API key not valid. Please pass AIzaSecret.", detail("ErrorInfo", `"reason":"API_KEY_INVALID"`)) + "]", llm.Credential, "API_KEY_INVALID", 0},
		{400, nil, body(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), llm.Credential, "INVALID_ARGUMENT", 0},
		{403, nil, body(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."), llm.Credential, "PERMISSION_DENIED", 0},
		{400, nil, body(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), llm.ContextLength, "INVALID_ARGUMENT", 0},
		{400, nil, body(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), llm.Access, "FAILED_PRECONDITION", 0},
		{401, nil, body(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), llm.Credential, "UNAUTHENTICATED", 0},
		{403, nil, body(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied"), llm.Access, "PERMISSION_DENIED", 0},
		{403, nil, body(403, "PERMISSION_DENIED", "This API method requires billing", detail("ErrorInfo", `"reason":"BILLING_DISABLED"`)), llm.Quota, "BILLING_DISABLED", 0},
		{404, nil, body(404, "NOT_FOUND", "models/x is not found for API version v1beta"), llm.ModelGone, "NOT_FOUND", 0},
		{404, nil, body(404, "NOT_FOUND", "CachedContent not found (or permission denied)"), llm.BadRequest, "NOT_FOUND", 0},
		{429, nil, body(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", detail("QuotaFailure", `"violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]`), detail("RetryInfo", `"retryDelay":"34.5s"`)), llm.RateLimited, "RESOURCE_EXHAUSTED", 34500 * time.Millisecond},
		{429, nil, body(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.", detail("QuotaFailure", `"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]`)), llm.Quota, "RESOURCE_EXHAUSTED", 0},
		{429, http.Header{"Retry-After": {"7"}}, "", llm.RateLimited, "", 7 * time.Second},
		{503, http.Header{"Retry-After": {"Tue, 24 Nov 2026 10:00:30 GMT"}, "Date": {"Tue, 24 Nov 2026 10:00:00 GMT"}}, body(503, "UNAVAILABLE", "The model is overloaded."), llm.Overloaded, "UNAVAILABLE", 30 * time.Second},
		{500, nil, body(500, "INTERNAL", "An internal error has occurred."), llm.Overloaded, "INTERNAL", 0},
		{504, nil, body(504, "DEADLINE_EXCEEDED", "late"), llm.Timeout, "DEADLINE_EXCEEDED", 0},
		{501, nil, body(501, "UNIMPLEMENTED", "no"), llm.Unsupported, "UNIMPLEMENTED", 0},
		{413, nil, "<html>413</html>", llm.ContextLength, "", 0},
		{502, nil, "<html>bad gateway</html>", llm.Overloaded, "", 0},
		{408, nil, "", llm.Timeout, "", 0}, {402, nil, "", llm.Quota, "", 0}, {418, nil, `{"error":"odd"}`, llm.BadRequest, "", 0},
	} {
		e := Codec{}.DecodeError(tt.status, tt.header, []byte(tt.body))
		if e.Class != tt.class || e.Code != tt.code || e.RetryAfter != tt.wait || e.Status != tt.status || e.Dialect != llm.Gemini || string(e.Raw) != tt.body || e.Message == "" {
			t.Errorf("%d %s\n got %v %+v", tt.status, tt.body, e, e)
		}
		if strings.Contains(e.Message, "html") || e.Class == llm.Credential && e.Message != refused {
			t.Errorf("message %q", e.Message)
		}
		out := Codec{}.EncodeError(e)
		if err := rawjson.Check(out); err != nil || strings.Contains(string(out), "AIzaSecret") {
			t.Errorf("%s: %v", out, err)
		}
	}
	long := Codec{}.DecodeError(400, nil, []byte(body(400, "INVALID_ARGUMENT", strings.Repeat("é", 3000))))
	if len(long.Message) > maxMessage || long.Message == "" {
		t.Error(len(long.Message))
	}
	own := Codec{}.EncodeError(&llm.Error{Class: llm.RateLimited, Code: "budget_exceeded", Param: "p", Message: "spent", RetryAfter: 1500 * time.Millisecond})
	want := `{"error":{"code":429,"message":"spent","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"budget_exceeded","domain":"tidegate","metadata":{"param":"p"}},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}`
	if string(own) != want {
		t.Errorf("%s", own)
	}
	for c := llm.BadRequest; c < llm.NumClasses; c++ {
		if out := (Codec{}).EncodeError(&llm.Error{Class: c, Message: "m"}); rawjson.Get(out, "error", "status") == nil {
			t.Errorf("%s: %s", c, out)
		}
	}
}

// The schema that real answers satisfy holds for what we make of foreign ones.
func TestEncodeReplySchema(t *testing.T) {
	schema := corpus.Schema(t, surface)
	out, _, _ := Codec{}.EncodeReply(&foreign)
	valid(t, schema, out)
	enc := Codec{}.NewStreamEncoder(codec.StreamOptions{})
	for frame := range bytes.SplitSeq(bytes.TrimSpace(enc.Append(nil, llm.Step{Events: stream.Events(nil, &foreign)}, false)), []byte("\n\n")) {
		valid(t, schema, bytes.TrimPrefix(frame, []byte("data: ")))
	}
}
