package openaichat

import (
	"errors"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// Head reads what routing needs. The messages are counted and searched for media, and not decoded.
func (Codec) Head(body []byte) (llm.Head, error) {
	head := llm.Head{N: 1}
	if err := rawjson.Check(body); err != nil {
		return head, invalidJSON(err)
	}
	var (
		err      *llm.Error
		messages []byte
		limits   [2]int64 // max_tokens, max_completion_tokens
	)
	integer := func(param string, value []byte, into *int64) {
		n, ok := rawjson.Int(value)
		if !ok {
			err = wrongType(param, "an integer")
			return
		}
		*into = n
	}
	text := func(param string, value []byte, into *string) {
		s, ok := rawjson.String(value)
		if !ok {
			err = wrongType(param, "a string")
			return
		}
		*into = s
	}
	walk := rawjson.Object(body, func(name, value []byte) bool {
		if rawjson.IsNull(value) {
			return true
		}
		switch string(name) {
		case "model":
			text("model", value, &head.Model)
		case "messages":
			messages = value
		case "stream":
			if value[0] != 't' && value[0] != 'f' {
				err = wrongType("stream", "a boolean")
			}
			head.Stream = value[0] == 't'
		case "stream_options":
			head.Usage = isTrue(rawjson.Get(value, "include_usage"))
		case "max_tokens":
			integer("max_tokens", value, &limits[0])
		case "max_completion_tokens":
			integer("max_completion_tokens", value, &limits[1])
		case "n":
			integer("n", value, &head.N)
		case "tools", "functions":
			head.Tools += count(value)
		case "user":
			text("user", value, &head.User)
		case "session_id":
			head.Session, _ = rawjson.String(value)
		case "metadata":
			head.Task, _ = rawjson.String(rawjson.Get(value, "task"))
		}
		return err == nil
	})
	if walk != nil {
		return head, invalidJSON(walk)
	}
	head.MaxTokens = limits[1]
	if head.MaxTokens == 0 {
		head.MaxTokens = limits[0]
	}
	switch {
	case err != nil:
		return head, err
	case head.Model == "":
		return head, badRequest("model", "missing_required_parameter", "you must provide a model")
	case messages == nil:
		return head, badRequest("messages", "missing_required_parameter", "you must provide messages")
	case messages[0] != '[':
		return head, wrongType("messages", "an array")
	}
	head.Messages, head.Media = survey(messages)
	return head, nil
}

func invalidJSON(err error) *llm.Error {
	e := badRequest("", "invalid_json", "the body is not valid JSON: "+err.Error())
	if at, ok := errors.AsType[*rawjson.Error](err); ok {
		e.Param = at.Pointer
	}
	return e
}

func isTrue(value []byte) bool { return len(value) > 0 && value[0] == 't' }

func count(array []byte) (n int) {
	_ = rawjson.Array(array, func(int, []byte) bool { n++; return true }) // not an array: none
	return n
}

// survey counts the messages and tells whether any part of them is neither text nor a thought.
func survey(messages []byte) (n int, media bool) {
	_ = rawjson.Array(messages, func(_ int, message []byte) bool {
		n++
		content := rawjson.Get(message, "content")
		if media || len(content) == 0 || content[0] != '[' {
			return true
		}
		_ = rawjson.Array(content, func(_ int, part []byte) bool {
			switch kind, _ := rawjson.String(rawjson.Get(part, "type")); kind {
			case "image_url", "input_audio", "file", "document_url", "video_url":
				media = true
			}
			return !media
		})
		return true
	})
	return n, media
}

var noQuirks llm.Quirks

func quirks(t llm.Target) *llm.Quirks {
	if t.Quirks == nil {
		return &noQuirks
	}
	return t.Quirks
}
