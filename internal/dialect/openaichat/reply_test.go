package openaichat

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidegate/internal/dialect/codec"
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
	"tidegate/internal/stream"
)

func TestDecodeReply(t *testing.T) {
	const head = `{"id":"c1","object":"chat.completion","created":7,"model":"m",`
	for _, tt := range []struct {
		name, in string
		from     llm.Target
		want     llm.Reply
	}{
		{"text", head + `"system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"hi","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "hi"}}, Stop: llm.Stop{Reason: llm.StopEnd, Raw: "stop"}}}, Ext: llm.Ext{own: []byte(`{"system_fingerprint":"fp"}`)}}},
		{"two choices", head + `"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"length"},{"index":1,"message":{"content":"b"},"finish_reason":"content_filter"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{
				{Parts: []llm.Part{llm.Text{Text: "a"}}, Stop: llm.Stop{Reason: llm.StopLength, Raw: "length"}},
				{Parts: []llm.Part{llm.Text{Text: "b"}}, Stop: llm.Stop{Reason: llm.StopFiltered, Raw: "content_filter"}},
			}}},
		{"forced tool says stop", head + `"choices":[{"message":{"content":null,"reasoning_content":"r","tool_calls":[{"id":"A","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Thought{Text: "r"}, llm.Call{ID: "A", Name: "f", Args: "{}"}}, Stop: llm.Stop{Reason: llm.StopTools, Raw: "stop"}}}}},
		{"refusal", head + `"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "no", Refusal: true}}, Stop: llm.Stop{Reason: llm.StopRefusal, Raw: "stop"}}}}},
		{"an unknown word", head + `"choices":[{"message":{"content":""},"finish_reason":"insufficient_system_resource","native_finish_reason":"x","stop_reason":null}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Stop: llm.Stop{Reason: llm.StopOther, Raw: "insufficient_system_resource"}, Ext: llm.Ext{own: []byte(`{"native_finish_reason":"x"}`)}}}}},
		{"vLLM's stop sequence", head + `"choices":[{"message":{"content":"x"},"finish_reason":"stop","stop_reason":"END"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "x"}}, Stop: llm.Stop{Reason: llm.StopSequence, Raw: "stop", Sequence: "END"}, Ext: llm.Ext{own: []byte(`{"stop_reason":"END"}`)}}}}},
		{"citations in bytes", head + `"choices":[{"message":{"content":"né où","annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":3,"end_index":5}}]},"finish_reason":"stop"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "né où", Cites: []llm.Citation{
				{URL: "u", Title: "t", Start: 4, End: 7, From: own, Raw: []byte(`{"type":"url_citation","url_citation":{"url":"u","title":"t","start_index":3,"end_index":5}}`)},
			}}}, Stop: llm.Stop{Reason: llm.StopEnd, Raw: "stop"}}}}},
		{"perplexity", head + `"citations":["u"],"search_results":[{"title":"t","url":"u","date":null}],"choices":[{"message":{"content":"x"},"delta":{"content":""},"finish_reason":"stop"}]}`, llm.Target{},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "x", Cites: []llm.Citation{{URL: "u", Title: "t"}}}}, Stop: llm.Stop{Reason: llm.StopEnd, Raw: "stop"}}},
				Ext: llm.Ext{own: []byte(`{"citations":["u"],"search_results":[{"title":"t","url":"u","date":null}]}`)}}},
		{"sealed by a provider that issues seals", head + `"choices":[{"message":{"content":"x","reasoning":"r","reasoning_details":[{"type":"reasoning.summary","summary":"r","format":"openai-responses-v1","index":0},{"type":"reasoning.encrypted","data":"D","id":"rs_1","format":"openai-responses-v1","index":0}]},"finish_reason":"stop"}]}`, llm.Target{Issuer: "openrouter"},
			llm.Reply{ID: "c1", Model: "m", Created: 7, Choices: []llm.Choice{{Parts: []llm.Part{
				llm.Thought{Text: "r"}, llm.Thought{Redacted: true, Seal: &llm.Seal{Issuer: "openrouter", Data: `{"type":"reasoning.encrypted","data":"D","id":"rs_1","format":"openai-responses-v1"}`}}, llm.Text{Text: "x"},
			}, Stop: llm.Stop{Reason: llm.StopEnd, Raw: "stop"}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Codec{}.DecodeReply([]byte(tt.in), tt.from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A 200 that is no answer (pitfall D5).
func TestDecodeReplyErrors(t *testing.T) {
	for in, want := range map[string]struct {
		class llm.Class
		code  string
	}{
		"":                             {llm.Overloaded, "upstream_invalid_response"},
		"<html><body>hi</body></html>": {llm.Overloaded, "upstream_invalid_response"},
		`"text"`:                       {llm.Overloaded, "upstream_invalid_response"},
		`{"id":"c1","choices":[{"index":0,"message":{"content":"cut`: {llm.Network, "upstream_truncated"},
		`{"id":"c1","choices":[]}`:                                   {llm.Overloaded, "upstream_empty"},
		`{"id":"c1"}`:                                                {llm.Overloaded, "upstream_empty"},
		`{"id":"c1","choices":{}}`:                                   {llm.Overloaded, "upstream_invalid_response"},
		`{"error":{"message":"x","code":429}}`:                       {llm.RateLimited, ""},
		`{"error":{"message":"x","code":"400"}}`:                     {llm.BadRequest, ""},
		`{"error":"boom"}`:                                           {llm.Overloaded, ""},
		`{"detail":"Not found"}`:                                     {llm.Overloaded, ""},
		`{"error":{"code":"content_filter","message":"filtered"},"choices":[]}`:                                         {llm.Filtered, "content_filter"},
		`{"choices":[{"error":{"code":502,"message":"Provider returned error"},"message":{},"finish_reason":"error"}]}`: {llm.Overloaded, ""},
		`{"choices":[{"message":{"content":5}}]}`:                                                                       {llm.Overloaded, "upstream_invalid_response"},
		`{"error":{"message":"The model's context window is 5","type":"BadRequestError","code":400}}`:                   {llm.ContextLength, ""},
	} {
		_, err := Codec{}.DecodeReply([]byte(in), llm.Target{})
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Class != want.class || e.Code != want.code || e.Message == "" || strings.Contains(e.Message, "<") || (e.Dialect == own) != (len(e.Raw) > 0) {
			t.Errorf("%s: %+v", in, err)
		}
	}
}

func TestUsage(t *testing.T) {
	n := func(pairs ...int64) (all [llm.NumMeters]int64) {
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	const (
		in, read, w5, w1, inAudio = int64(llm.InputText), int64(llm.InputCacheRead), int64(llm.InputCacheWrite5m), int64(llm.InputCacheWrite1h), int64(llm.InputAudio)
		out, reason, outAudio     = int64(llm.OutputText), int64(llm.OutputReasoning), int64(llm.OutputAudio)
	)
	for _, tt := range []struct {
		name, in string
		outside  bool
		want     [llm.NumMeters]int64
		billed   string
	}{
		{"plain", `{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}`, false, n(in, 3, out, 2), ""},
		{"details", `{"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":1},"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":6,"audio_tokens":1},"completion_tokens":9,"total_tokens":19}`, false, n(in, 3, read, 6, inAudio, 1, out, 4, reason, 4, outAudio, 1), ""},
		{"reasoning outside, by the total", `{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"completion_tokens_details":{"reasoning_tokens":340}}`, false, n(in, 12, out, 2, reason, 340), ""},
		{"reasoning outside, by the quirk", `{"prompt_tokens":12,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":340}}`, true, n(in, 12, out, 2, reason, 340), ""},
		{"more reasoning than output", `{"prompt_tokens":4,"completion_tokens":16,"total_tokens":20,"completion_tokens_details":{"reasoning_tokens":19}}`, false, n(in, 4, reason, 16), ""},
		{"more cached than input", `{"prompt_tokens":4,"completion_tokens":1,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":9}}`, false, n(read, 4, out, 1), ""},
		{"deepseek", `{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":6,"prompt_cache_miss_tokens":3}`, false, n(in, 3, read, 6, out, 1), ""},
		{"openrouter", `{"prompt_tokens":9,"completion_tokens":1,"cost":6.25e-05,"prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":3}}`, false, n(in, 4, read, 2, w5, 3, out, 1), "0.0000625"},
		{"doubleword", `{"prompt_tokens":9,"completion_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2,"ephemeral_24h_input_tokens":0},"cache_creation_input_tokens":3}`, false, n(in, 6, w5, 1, w1, 2, out, 1), ""},
		{"perplexity", `{"prompt_tokens":9,"completion_tokens":1,"cost":{"input_tokens_cost":0,"request_cost":0.005,"total_cost":0.00512},"num_search_queries":2}`, false, n(in, 9, out, 1, int64(llm.Searches), 2), "0.00512"},
		{"xai", `{"prompt_tokens":9,"completion_tokens":1,"cost_in_usd_ticks":943000}`, false, n(in, 9, out, 1), "0.0000943"},
		{"nulls, floats and less than nothing", `{"prompt_tokens":9.0,"completion_tokens":null,"total_tokens":null,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":-3}}`, false, n(in, 9), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"id":"c","service_tier":"flex","choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":` + tt.in + `}`
			r, err := Codec{}.DecodeReply([]byte(body), llm.Target{Quirks: &llm.Quirks{ReasoningOutside: tt.outside}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Usage.N != tt.want || r.Usage.Billed != tt.billed || string(r.Usage.Raw) != tt.in || r.Usage.Tier != "flex" {
				t.Errorf("%+v", r.Usage)
			}
		})
	}
}

func TestDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0.5": "0.5", "1e-3": "0.001", "6.25e-05": "0.0000625", "1.5E+2": "150", "12e-1": "1.2", "0e5": "0", "1e999": "1e999", "100": "100",
	} {
		if got := decimal(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// What a foreign reply becomes.
func TestEncodeReply(t *testing.T) {
	claude, google := &llm.Seal{Issuer: "anthropic", Data: "S"}, &llm.Seal{Issuer: "google", Data: "G"}
	usage := &llm.Usage{Tier: "standard"}
	usage.N[llm.InputText], usage.N[llm.OutputText], usage.N[llm.OutputReasoning] = 1, 2, 3
	reply := &llm.Reply{ID: "msg", Model: "claude", Choices: []llm.Choice{{
		Parts: []llm.Part{
			llm.Thought{Text: "t", Seal: claude},
			llm.Text{Text: "é"},
			llm.Opaque{From: llm.Anthropic, Kind: "server_tool_use"},
			llm.Text{Text: "b", Seal: google, Cites: []llm.Citation{{URL: "u", Title: "w", Start: 0, End: 1, From: llm.Anthropic}, {Title: "no address", From: llm.Anthropic}}},
			llm.Call{ID: "toolu_1", Name: "f", Seal: claude},
			llm.Media{Type: "image/png", Data: []byte{0, 0, 0}},
		},
		Stop: llm.Stop{Reason: llm.StopTools},
	}}, Usage: usage}
	got, losses, err := Codec{}.EncodeReply(reply)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"msg","object":"chat.completion","created":0,"model":"claude","choices":[{"index":0,"message":{"role":"assistant","content":"éb","refusal":null,` +
		`"reasoning_content":"t","reasoning_details":[{"type":"reasoning.text","text":"t","signature":"` + claude.Wrap() + `","format":"anthropic-claude-v1","index":0}],` +
		`"annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"w","start_index":1,"end_index":2}}],` +
		`"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"` + claude.Wrap() + `"}}}],` +
		`"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}],"extra_content":{"google":{"thought_signature":"` + google.Wrap() + `"}}},"logprobs":null,"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":1,"completion_tokens":5,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0}}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if len(losses) != 2 || losses[0].Grave || losses[1].Grave {
		t.Errorf("%+v", losses)
	}
	// Echoed by the client, every seal is its issuer's again.
	message := string(rawjson.Get(got[:], "choices"))
	message = message[strings.Index(message, `{"role"`):strings.Index(message, `,"logprobs"`)]
	chat := messagesOf(t, message)
	var seals []string
	for _, p := range chat.Messages[0].Parts {
		switch p := p.(type) {
		case llm.Thought:
			seals = append(seals, p.Seal.Issuer+p.Seal.Data)
		case llm.Text:
			seals = append(seals, p.Seal.Issuer+p.Seal.Data)
		case llm.Call:
			seals = append(seals, p.Seal.Issuer+p.Seal.Data)
		}
	}
	if diff := cmp.Diff([]string{"anthropicS", "googleG", "anthropicS"}, seals); diff != "" {
		t.Error(diff)
	}
}

// Every reason has a word, and every word that we write is read as something like it.
func TestStops(t *testing.T) {
	for _, r := range []llm.StopReason{
		llm.StopNone, llm.StopEnd, llm.StopLength, llm.StopSequence, llm.StopTools, llm.StopFiltered, llm.StopRefusal, llm.StopPause,
		llm.StopWindow, llm.StopMalformed, llm.StopOther,
	} {
		word, ok := finishes[r]
		if !ok {
			t.Errorf("no word for %q", r)
		}
		switch word {
		case "stop", "length", "tool_calls", "content_filter":
		default:
			t.Errorf("%q is not one of OpenAI's words", word)
		}
	}
	if finishWord(llm.StopEnd, true, false) != "tool_calls" || finishWord(llm.StopRefusal, false, true) != "stop" || finishWord(llm.StopLength, true, false) != "length" {
		t.Error("calls and refusals")
	}
}

// anyReply makes replies as this dialect can say them: thoughts, then text, then a refusal, then calls.
func anyReply(t *rapid.T) *llm.Reply {
	text := rapid.StringMatching(`[a-zé"\\\n<☃]{1,12}`)
	seal := rapid.Custom(func(t *rapid.T) *llm.Seal {
		if rapid.Bool().Draw(t, "sealed") {
			return &llm.Seal{Issuer: rapid.SampledFrom([]string{"anthropic", "google", "openai"}).Draw(t, "issuer"), Data: text.Draw(t, "data")}
		}
		return nil
	})
	r := &llm.Reply{ID: "c1", Model: "m", Created: 7}
	for range rapid.IntRange(1, 3).Draw(t, "choices") {
		c := llm.Choice{Stop: llm.Stop{Reason: llm.StopEnd, Raw: "stop"}}
		if rapid.Bool().Draw(t, "thought") {
			c.Parts = append(c.Parts, llm.Thought{Text: text.Draw(t, "thoughts"), Seal: seal.Draw(t, "seal")})
			if s := seal.Draw(t, "redacted"); s != nil {
				c.Parts = append(c.Parts, llm.Thought{Redacted: true, Seal: s})
			}
		}
		if rapid.Bool().Draw(t, "text") {
			c.Parts = append(c.Parts, llm.Text{Text: text.Draw(t, "content"), Seal: seal.Draw(t, "textSeal")})
		}
		if rapid.Bool().Draw(t, "refuses") {
			c.Parts = append(c.Parts, llm.Text{Text: text.Draw(t, "refusal"), Refusal: true})
			c.Stop.Reason = llm.StopRefusal
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "calls") {
			c.Parts = append(c.Parts, llm.Call{ID: "call" + string(rune('a'+i)), Name: "f", Args: rapid.SampledFrom([]string{"{}", `{"a":1.0}`, "{bad", "null"}).Draw(t, "args"), Seal: seal.Draw(t, "callSeal")})
			c.Stop = llm.Stop{Reason: llm.StopTools, Raw: "tool_calls"}
		}
		r.Choices = append(r.Choices, c)
	}
	if rapid.Bool().Draw(t, "metered") {
		r.Usage = &llm.Usage{}
		for _, m := range []llm.Meter{llm.InputText, llm.InputCacheRead, llm.InputCacheWrite5m, llm.InputAudio, llm.OutputText, llm.OutputReasoning, llm.OutputAudio} {
			r.Usage.N[m] = rapid.Int64Range(0, 1<<40).Draw(t, m.String())
		}
	}
	return r
}

// What is written is read as the same, whole and as a stream, and the two are the same.
func TestReplyLaws(t *testing.T) {
	noRaw := cmp.Transformer("usage", func(u llm.Usage) [llm.NumMeters]int64 { return u.N })
	rapid.Check(t, func(rt *rapid.T) {
		want := anyReply(rt)
		body, losses, err := Codec{}.EncodeReply(want)
		if err != nil || len(losses) > 0 {
			rt.Fatalf("%v, %v", err, losses)
		}
		if err := rawjson.Check(body); err != nil {
			rt.Fatalf("%v\n%s", err, body)
		}
		whole, err := Codec{}.DecodeReply(body, llm.Target{})
		if err != nil {
			rt.Fatalf("%v\n%s", err, body)
		}
		if diff := cmp.Diff(want, whole, noRaw); diff != "" {
			rt.Fatalf("whole:\n%s\n%s", diff, body)
		}
		e := Codec{}.NewStreamEncoder(codec.StreamOptions{Usage: true})
		out := e.Close(e.Append(nil, llm.Step{Events: stream.Events(nil, want)}, false))
		steps, err := decodeStream(t, strings.NewReader(string(out)), llm.Target{})
		if err != nil {
			rt.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(want, collect(t, allEvents(steps)), noRaw); diff != "" {
			rt.Fatalf("stream:\n%s\n%s", diff, out)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add([]byte(`{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`))
	f.Add([]byte(`{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"text":"a"}]},{"type":"reference"}],"tool_calls":[{"function":{"name":"f","arguments":null}}]}}]}`))
	f.Add([]byte(`{"error":{"code":400,"details":[{"retryDelay":"1s"}]},"x":[]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		Codec{}.EncodeError(Codec{}.DecodeError(400, nil, in))
		reply, err := Codec{}.DecodeReply(in, llm.Target{})
		if err != nil || rawjson.Check(in) != nil {
			return
		}
		out, _, err := Codec{}.EncodeReply(reply)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(in), "\\u") && rawjson.Check(out) != nil { // Ext may repeat a member that was spelled with escapes
			t.Fatalf("%v\n%s", rawjson.Check(out), out)
		}
		again, err := Codec{}.DecodeReply(out, llm.Target{})
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for i := range reply.Choices {
			one := finding(t, &llm.Reply{Choices: reply.Choices[i : i+1]})
			two := finding(t, &llm.Reply{Choices: again.Choices[i : i+1]})
			one.Finish, two.Finish = nil, nil
			if diff := cmp.Diff(one, two); diff != "" {
				t.Fatalf("%s\n%s\n%s", diff, in, out)
			}
		}
	})
}
