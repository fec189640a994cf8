package gemini

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/rawjson"
)

// readLogprobs turns a logprobsResult into OpenAI's shape: {"content":[{"token","logprob","bytes":null,"top_logprobs":[…]}]}.
func readLogprobs(raw []byte) jsontext.Value {
	var tops [][]byte
	_ = rawjson.Array(rawjson.Get(raw, "topCandidates"), func(_ int, step []byte) bool {
		tops = append(tops, rawjson.Get(step, "candidates"))
		return true
	})
	var w rawjson.Writer
	w.Line = true
	w.Open('{')
	w.Name("content")
	w.Open('[')
	_ = rawjson.Array(rawjson.Get(raw, "chosenCandidates"), func(i int, chosen []byte) bool {
		w.Open('{')
		token(&w, rawjson.Get(chosen, "token"), rawjson.Get(chosen, "logProbability"))
		w.Name("top_logprobs")
		w.Open('[')
		if i < len(tops) {
			_ = rawjson.Array(tops[i], func(_ int, top []byte) bool {
				w.Open('{')
				token(&w, rawjson.Get(top, "token"), rawjson.Get(top, "logProbability"))
				w.Close('}')
				return true
			})
		}
		w.Close(']')
		w.Close('}')
		return true
	})
	w.Close(']')
	w.Close('}')
	return jsontext.Value(w.B)
}

func token(w *rawjson.Writer, token, logprob []byte) {
	w.Name("token")
	w.String(text(token))
	w.Name("logprob")
	if logprob == nil {
		logprob = []byte("0") // protobuf leaves zeros out
	}
	w.Raw(logprob)
	w.Name("bytes")
	w.Raw([]byte("null"))
}

// writeLogprobs writes a logprobsResult from OpenAI's shape.
func writeLogprobs(w *rawjson.Writer, value jsontext.Value) {
	content := rawjson.Get(value, "content")
	w.Name("logprobsResult")
	w.Open('{')
	w.Name("topCandidates")
	w.Open('[')
	_ = rawjson.Array(content, func(_ int, step []byte) bool {
		w.Open('{')
		w.Name("candidates")
		w.Open('[')
		_ = rawjson.Array(rawjson.Get(step, "top_logprobs"), func(_ int, top []byte) bool { logprob(w, top); return true })
		w.Close(']')
		w.Close('}')
		return true
	})
	w.Close(']')
	w.Name("chosenCandidates")
	w.Open('[')
	_ = rawjson.Array(content, func(_ int, step []byte) bool { logprob(w, step); return true })
	w.Close(']')
	w.Close('}')
}

func logprob(w *rawjson.Writer, step []byte) {
	w.Open('{')
	w.Some("token", text(rawjson.Get(step, "token")))
	if p := rawjson.Get(step, "logprob"); p != nil {
		w.Name("logProbability")
		w.Raw(p)
	}
	w.Close('}')
}
