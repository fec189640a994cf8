package anthropic

import (
	"bytes"
	"errors"
	"strings"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Head reads a request in one strict pass.
func (Codec) Head(body []byte) (llm.Head, error) {
	h := llm.Head{N: 1}
	if err := rawjson.Check(body); err != nil {
		e := invalid("", "invalid_json", "the request is not valid JSON: "+err.Error())
		if place, ok := errors.AsType[*rawjson.Error](err); ok {
			e.Param = place.Pointer
		}
		return h, e
	}
	var model, messages bool
	var bad *llm.Error
	err := rawjson.Object(body, func(name, v []byte) bool {
		switch string(name) {
		case "model":
			model = true
			s, ok := rawjson.String(v)
			if !ok || s == "" {
				bad = invalid("model", "missing_required_parameter", "model: must be the name of a model")
			}
			h.Model = s
		case "stream":
			if boolean(v, &h.Stream) != nil {
				bad = invalid("stream", "invalid_type", "stream: must be true or false")
			}
		case "max_tokens":
			n, err := integer(v)
			if err != nil || *n < 0 {
				bad = invalid("max_tokens", "invalid_type", "max_tokens: must be a whole number")
			} else {
				h.MaxTokens = *n
			}
		case "messages":
			messages = true
			if h.Messages, h.Media = survey(v); h.Messages < 0 {
				bad = invalid("messages", "invalid_type", "messages: must be an array")
			}
		case "tools":
			count := func(int, []byte) bool { h.Tools++; return true }
			if !rawjson.IsNull(v) && rawjson.Array(v, count) != nil {
				bad = invalid("tools", "invalid_type", "tools: must be an array")
			}
		case "metadata":
			h.User, _ = rawjson.String(rawjson.Get(v, "user_id"))
			h.Task, _ = rawjson.String(rawjson.Get(v, "task"))
			h.Session = session(h.User)
		}
		return bad == nil
	})
	h.Usage = h.Stream // every stream of this dialect reports usage
	switch {
	case bad != nil:
		return h, bad
	case err != nil:
		return h, badRequest(err)
	case !model:
		return h, invalid("model", "missing_required_parameter", "model: required")
	case !messages:
		return h, invalid("messages", "missing_required_parameter", "messages: required")
	}
	return h, nil
}

func invalid(param, code, message string) *llm.Error {
	return &llm.Error{Class: llm.BadRequest, Code: code, Kind: "invalid_request_error", Param: param, Message: message}
}

// survey counts messages, -1 for what is no array, and tells whether images or documents are among their blocks. The text is
// only walked when a quick search says that there may be some.
func survey(v []byte) (n int, media bool) {
	maybe := bytes.Contains(v, []byte(`"image"`)) || bytes.Contains(v, []byte(`"document"`))
	err := rawjson.Array(v, func(_ int, m []byte) bool {
		n++
		if maybe && !media {
			media = hasMedia(rawjson.Get(m, "content"))
		}
		return true
	})
	if err != nil {
		return -1, false
	}
	return n, media
}

func hasMedia(content []byte) (found bool) {
	if len(content) == 0 || content[0] != '[' {
		return false
	}
	_ = rawjson.Array(content, func(_ int, block []byte) bool {
		switch kind, _ := rawjson.String(rawjson.Get(block, "type")); kind {
		case "image", "document":
			found = true
		case "tool_result":
			found = hasMedia(rawjson.Get(block, "content"))
		}
		return !found
	})
	return found
}

// session finds the session that Claude Code puts into metadata.user_id: a member of JSON text since 2026, before that the
// words after "_session_" (recorded traffic).
func session(user string) string {
	if strings.HasPrefix(user, "{") {
		s, _ := rawjson.String(rawjson.Get([]byte(user), "session_id"))
		return s
	}
	_, s, _ := strings.Cut(user, "_session_")
	return s
}
