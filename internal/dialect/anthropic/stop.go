package anthropic

import (
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// stopReasons are all of the vendor's words (API reference, 2026-11).
var stopReasons = map[string]llm.StopReason{
	"end_turn":                      llm.StopEnd,
	"max_tokens":                    llm.StopLength,
	"stop_sequence":                 llm.StopSequence,
	"tool_use":                      llm.StopTools,
	"refusal":                       llm.StopRefusal,
	"pause_turn":                    llm.StopPause,
	"compaction":                    llm.StopPause, // stopped behind a compaction, to be continued
	"model_context_window_exceeded": llm.StopWindow,
}

// stopWords has a word for every reason; the harmless one where the dialect has none.
var stopWords = map[llm.StopReason]string{
	llm.StopNone:      "end_turn",
	llm.StopEnd:       "end_turn",
	llm.StopLength:    "max_tokens",
	llm.StopSequence:  "stop_sequence",
	llm.StopTools:     "tool_use",
	llm.StopFiltered:  "refusal",
	llm.StopRefusal:   "refusal",
	llm.StopPause:     "pause_turn",
	llm.StopWindow:    "model_context_window_exceeded",
	llm.StopMalformed: "end_turn",
	llm.StopOther:     "end_turn",
}

// readStop reads the members that message and message_delta share. calls says that client tools were called: the reason is then
// tools even where a server says a plain end.
func readStop(v []byte, calls bool) (stop llm.Stop, said bool) {
	_ = rawjson.Object(v, func(name, v []byte) bool {
		switch string(name) {
		case "stop_reason":
			stop.Raw, said = rawjson.String(v)
		case "stop_sequence":
			stop.Sequence, _ = rawjson.String(v)
		case "stop_details":
			if !rawjson.IsNull(v) {
				stop.Detail = jsontext.Value(keep(v))
			}
		}
		return true
	})
	if !said {
		return llm.Stop{}, false
	}
	reason, known := stopReasons[stop.Raw]
	if !known {
		reason = llm.StopOther
	}
	if calls && reason == llm.StopEnd {
		reason = llm.StopTools
	}
	stop.Reason = reason
	return stop, true
}

// writeStop writes stop_reason, stop_sequence and, where there are any in our own form, stop_details.
func writeStop(w *writer, s llm.Stop) {
	word := stopWords[s.Reason]
	if stopReasons[s.Raw] == s.Reason && s.Raw != "" {
		word = s.Raw // of two words for one reason, the one that was said
	}
	w.Member("stop_reason", word)
	if s.Sequence != "" {
		w.Member("stop_sequence", s.Sequence)
	} else {
		w.Name("stop_sequence").Raw([]byte("null"))
	}
	if kind, _ := rawjson.String(rawjson.Get(s.Detail, "type")); kind == "refusal" && word == "refusal" {
		w.Name("stop_details").Raw(s.Detail)
	}
}
