package gemini

import (
	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// reasons maps finishReason (Gemini API v1beta and Vertex AI v1beta1, seen 2026-11-24) and promptFeedback.blockReason.
var reasons = map[string]llm.StopReason{
	"FINISH_REASON_UNSPECIFIED": llm.StopNone,
	"STOP":                      llm.StopEnd,
	"MAX_TOKENS":                llm.StopLength,
	"SAFETY":                    llm.StopFiltered,
	"RECITATION":                llm.StopFiltered,
	"LANGUAGE":                  llm.StopFiltered, // the filter for unsupported languages
	"BLOCKLIST":                 llm.StopFiltered,
	"PROHIBITED_CONTENT":        llm.StopFiltered,
	"SPII":                      llm.StopFiltered,
	"MODEL_ARMOR":               llm.StopFiltered,
	"JAILBREAK":                 llm.StopFiltered,
	"IMAGE_SAFETY":              llm.StopFiltered,
	"IMAGE_PROHIBITED_CONTENT":  llm.StopFiltered,
	"IMAGE_RECITATION":          llm.StopFiltered,
	"MALFORMED_FUNCTION_CALL":   llm.StopMalformed,
	"UNEXPECTED_TOOL_CALL":      llm.StopMalformed, // a call of a tool that was not declared
	"OTHER":                     llm.StopOther,
	"IMAGE_OTHER":               llm.StopOther,
	"NO_IMAGE":                  llm.StopOther,
	"TOO_MANY_TOOL_CALLS":       llm.StopOther,
	"MISSING_THOUGHT_SIGNATURE": llm.StopOther,
	"MALFORMED_RESPONSE":        llm.StopOther,
}

// numbered are the reasons as numbers, for clients that asked with enum-encoding=int. The two APIs agree up to 5. Above, only
// the numbers are named that mean the same class in both (Vertex: 6 BLOCKLIST, 7 PROHIBITED_CONTENT, 8 SPII; Gemini API:
// 6 LANGUAGE, 7 BLOCKLIST, 8 PROHIBITED_CONTENT); 9 and 10 are a filter in one and a broken call in the other.
var numbered = map[int64]llm.StopReason{
	0: llm.StopNone, 1: llm.StopEnd, 2: llm.StopLength, 3: llm.StopFiltered, 4: llm.StopFiltered, 5: llm.StopOther,
	6: llm.StopFiltered, 7: llm.StopFiltered, 8: llm.StopFiltered,
}

// readStop reads a finishReason or blockReason.
func readStop(value []byte) llm.Stop {
	if n, ok := rawjson.Int(value); ok && !isString(value) {
		reason, known := numbered[n]
		if !known {
			reason = llm.StopOther
		}
		return llm.Stop{Reason: reason, Raw: string(value)}
	}
	word := text(value)
	reason, known := reasons[word]
	if !known && word != "" {
		reason = llm.StopOther
	}
	return llm.Stop{Reason: reason, Raw: word}
}

// writeFinish writes the finishReason for a stop: the upstream's own word or number where it was one of ours.
func writeFinish(w *rawjson.Writer, s llm.Stop) {
	if s.Reason == llm.StopNone {
		return
	}
	w.Name("finishReason")
	fits := func(own llm.StopReason) bool {
		return own == s.Reason || own == llm.StopEnd && s.Reason == llm.StopTools
	}
	if own, known := reasons[s.Raw]; known && fits(own) {
		w.String(s.Raw)
		return
	}
	if n, ok := rawjson.Int([]byte(s.Raw)); ok && fits(readStop([]byte(s.Raw)).Reason) {
		w.Int(n)
		return
	}
	w.String(finishWord(s.Reason))
}

// finishWord is the finishReason for every reason of the model.
func finishWord(r llm.StopReason) string {
	switch r {
	case llm.StopNone, llm.StopEnd, llm.StopSequence, llm.StopTools, llm.StopPause, llm.StopOther:
		return "STOP"
	case llm.StopLength, llm.StopWindow:
		return "MAX_TOKENS"
	case llm.StopFiltered, llm.StopRefusal:
		return "SAFETY"
	case llm.StopMalformed:
		return "MALFORMED_FUNCTION_CALL"
	}
	return "STOP"
}
