package dialect_test

import (
	"bytes"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// turnsOf is the member that holds a request's conversation.
var turnsOf = map[llm.Dialect]string{llm.OpenAIChat: "messages", llm.Anthropic: "messages", llm.Gemini: "contents"}

// shorter are the requests of the same conversation as it was before: up to every turn of the user that the model then answered.
func shorter(d llm.Dialect, body []byte) (all [][]byte) {
	member := turnsOf[d]
	var turns [][]byte
	var roles []string
	_ = rawjson.Array(rawjson.Get(body, member), func(_ int, v []byte) bool {
		role, _ := rawjson.String(rawjson.Get(v, "role"))
		turns, roles = append(turns, v), append(roles, role)
		return true
	})
	for n := 1; n < len(turns); n++ {
		if r := roles[n-1]; assistant(r) || r == "system" || r == "developer" || !assistant(roles[n]) {
			continue
		}
		value := append([]byte("["), bytes.Join(turns[:n], []byte(","))...)
		if cut, err := rawjson.Patch(body, rawjson.Edit{Name: member, Value: append(value, ']')}); err == nil {
			all = append(all, cut)
		}
	}
	return all
}

func assistant(role string) bool { return role == "assistant" || role == "model" }

// head is a request without what closes its conversation, which is the last member of all that are written here.
func head(d llm.Dialect, body []byte) []byte {
	turns := rawjson.Get(body, turnsOf[d])
	end := bytes.LastIndex(body, turns)
	if end < 0 || string(body[end+len(turns):]) != "}" {
		return nil
	}
	return body[:end+len(turns)-1]
}
