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
	var w writer
	w.tight = true
	w.open('{')
	w.name("content")
	w.open('[')
	_ = rawjson.Array(rawjson.Get(raw, "chosenCandidates"), func(i int, chosen []byte) bool {
		w.open('{')
		token(&w, rawjson.Get(chosen, "token"), rawjson.Get(chosen, "logProbability"))
		w.name("top_logprobs")
		w.open('[')
		if i < len(tops) {
			_ = rawjson.Array(tops[i], func(_ int, top []byte) bool {
				w.open('{')
				token(&w, rawjson.Get(top, "token"), rawjson.Get(top, "logProbability"))
				w.close('}')
				return true
			})
		}
		w.close(']')
		w.close('}')
		return true
	})
	w.close(']')
	w.close('}')
	return jsontext.Value(w.b)
}

func token(w *writer, token, logprob []byte) {
	w.name("token")
	w.str(text(token))
	w.name("logprob")
	if logprob == nil {
		logprob = []byte("0") // protobuf leaves zeros out
	}
	w.raw(logprob)
	w.name("bytes")
	w.raw([]byte("null"))
}

// writeLogprobs writes a logprobsResult from OpenAI's shape.
func writeLogprobs(w *writer, value jsontext.Value) {
	content := rawjson.Get(value, "content")
	w.name("logprobsResult")
	w.open('{')
	w.name("topCandidates")
	w.open('[')
	_ = rawjson.Array(content, func(_ int, step []byte) bool {
		w.open('{')
		w.name("candidates")
		w.open('[')
		_ = rawjson.Array(rawjson.Get(step, "top_logprobs"), func(_ int, top []byte) bool { logprob(w, top); return true })
		w.close(']')
		w.close('}')
		return true
	})
	w.close(']')
	w.name("chosenCandidates")
	w.open('[')
	_ = rawjson.Array(content, func(_ int, step []byte) bool { logprob(w, step); return true })
	w.close(']')
	w.close('}')
}

func logprob(w *writer, step []byte) {
	w.open('{')
	w.member("token", text(rawjson.Get(step, "token")))
	if p := rawjson.Get(step, "logprob"); p != nil {
		w.name("logProbability")
		w.raw(p)
	}
	w.close('}')
}
