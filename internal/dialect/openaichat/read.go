package openaichat

import (
	"fmt"
	"strconv"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/rawjson"
)

// reader reads values and keeps the first that has the wrong type.
type reader struct{ err *llm.Error }

func (r *reader) fail(e *llm.Error) {
	if r.err == nil {
		r.err = e
	}
}

func (r *reader) str(param string, value []byte) string {
	s, ok := rawjson.String(value)
	if !ok {
		r.fail(wrongType(param, "a string"))
	}
	return s
}

func (r *reader) bool(param string, value []byte) bool {
	if value[0] != 't' && value[0] != 'f' {
		r.fail(wrongType(param, "a boolean"))
	}
	return value[0] == 't'
}

func (r *reader) float(param string, value []byte) *float64 {
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil {
		r.fail(wrongType(param, "a number"))
	}
	return &f
}

func (r *reader) int(param string, value []byte) *int64 {
	n, ok := rawjson.Int(value)
	if !ok {
		r.fail(wrongType(param, "an integer"))
	}
	return &n
}

func (r *reader) strings(param string, value []byte) (all []string) {
	err := rawjson.Array(value, func(_ int, v []byte) bool {
		all = append(all, r.str(param, v))
		return true
	})
	if err != nil {
		r.fail(wrongType(param, "an array of strings"))
	}
	return all
}

// mark reads Anthropic's cache_control, which OpenRouter and others take in chat requests as well.
func (r *reader) mark(path string, value []byte) *llm.CacheMark {
	if rawjson.IsNull(value) {
		return nil
	}
	ttl, _ := rawjson.String(rawjson.Get(value, "ttl"))
	if ttl == "" {
		return &llm.CacheMark{}
	}
	lifetime, err := time.ParseDuration(ttl)
	if err != nil {
		r.fail(badRequest(path+".cache_control.ttl", "invalid_value", "ttl must be a duration like 5m or 1h"))
	}
	return &llm.CacheMark{TTL: lifetime}
}

func at(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }
