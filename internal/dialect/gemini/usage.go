package gemini

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// counts is a usageMetadata as Google counts: cached tokens are inside the prompt, thoughts and the prompts that tools wrote are
// outside of everything else. Audio and image are parts of what stands before them.
type counts struct {
	prompt, promptAudio, promptImage int64
	cached, cachedAudio, cachedImage int64
	tool                             int64
	answer, answerAudio, answerImage int64
	thoughts                         int64
	tier                             string
	known                            bool // a count was among it
}

// read takes over what a usageMetadata says; what it does not mention stays.
func (c *counts) read(raw []byte) {
	_ = members(raw, func(name, value []byte) {
		switch string(name) {
		case "promptTokenCount":
			c.set(&c.prompt, value)
		case "cachedContentTokenCount":
			c.set(&c.cached, value)
		case "toolUsePromptTokenCount":
			c.set(&c.tool, value)
		case "candidatesTokenCount":
			c.set(&c.answer, value)
		case "thoughtsTokenCount":
			c.set(&c.thoughts, value)
		case "promptTokensDetails":
			c.promptAudio, c.promptImage = details(value)
		case "cacheTokensDetails":
			c.cachedAudio, c.cachedImage = details(value)
		case "candidatesTokensDetails":
			c.answerAudio, c.answerImage = details(value)
		case "serviceTier":
			c.tier = text(value)
		}
	})
}

func (c *counts) set(dst *int64, value []byte) {
	if n, ok := whole(value); ok {
		*dst, c.known = max(n, 0), true
	}
}

func details(value []byte) (audio, image int64) {
	_ = rawjson.Array(value, func(_ int, item []byte) bool {
		switch string(unquoted(rawjson.Get(item, "modality"))) { // a word, or its number
		case "AUDIO", "4":
			n, _ := whole(rawjson.Get(item, "tokenCount"))
			audio += n
		case "IMAGE", "2":
			n, _ := whole(rawjson.Get(item, "tokenCount"))
			image += n
		}
		return true
	})
	return audio, image
}

// usage sorts the counts into disjoint meters.
func (c *counts) usage(raw jsontext.Value) llm.Usage {
	u := llm.Usage{Tier: c.tier, Raw: raw}
	u.N[llm.InputText] = c.prompt
	u.Split(llm.InputText, llm.InputCacheRead, c.cached)
	u.Split(llm.InputText, llm.InputAudio, c.promptAudio-c.cachedAudio)
	u.Split(llm.InputText, llm.InputImage, c.promptImage-c.cachedImage)
	u.N[llm.InputText] += c.tool
	u.N[llm.OutputText] = c.answer
	u.Split(llm.OutputText, llm.OutputAudio, c.answerAudio)
	u.Split(llm.OutputText, llm.OutputImage, c.answerImage)
	u.N[llm.OutputReasoning] = c.thoughts
	return u
}

// writeUsage writes a usageMetadata from the meters, in Google's way of counting.
func writeUsage(w *rawjson.Writer, u *llm.Usage) {
	count := func(name string, n int64, always bool) {
		if n > 0 || always {
			w.Name(name)
			w.Int(n)
		}
	}
	answer := u.Output() - u.N[llm.OutputReasoning]
	w.Open('{')
	count("promptTokenCount", u.Input(), true)
	count("cachedContentTokenCount", u.N[llm.InputCacheRead], false)
	count("candidatesTokenCount", answer, true)
	count("thoughtsTokenCount", u.N[llm.OutputReasoning], false)
	count("totalTokenCount", u.Input()+u.Output(), true)
	writeDetails(w, "promptTokensDetails", u.Input(), u.N[llm.InputAudio], u.N[llm.InputImage])
	writeDetails(w, "candidatesTokensDetails", answer, u.N[llm.OutputAudio], u.N[llm.OutputImage])
	w.Close('}')
}

func writeDetails(w *rawjson.Writer, name string, all, audio, image int64) {
	if audio+image == 0 {
		return
	}
	w.Name(name)
	w.Open('[')
	for _, d := range [...]struct {
		modality string
		n        int64
	}{{"TEXT", all - audio - image}, {"AUDIO", audio}, {"IMAGE", image}} {
		if d.n > 0 {
			w.Open('{')
			w.Some("modality", d.modality)
			w.Name("tokenCount")
			w.Int(d.n)
			w.Close('}')
		}
	}
	w.Close(']')
}
