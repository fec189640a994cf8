package openaichat

import (
	"iter"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"tidegate/internal/llm"
	"tidegate/internal/stream"
)

func mapsKeys(m map[string]int) iter.Seq[string] { return maps.Keys(m) }

func eventsOf(r *llm.Reply) []llm.Event { return stream.Events(nil, r) }

// normal parses a document for comparing.
func normal(t testing.TB, doc []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// differences lists in which members two documents differ, with * for indexes.
func differences(path string, a, b any) (all []string) {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return []string{path + ": not an object any more"}
		}
		for name, v := range x {
			if w, there := y[name]; !there && v != nil {
				all = append(all, path+"."+name+" is gone")
			} else if there {
				all = append(all, differences(path+"."+name, v, w)...)
			}
		}
		for name, w := range y {
			if _, there := x[name]; !there && w != nil {
				all = append(all, path+"."+name+" is new")
			}
		}
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return []string{path + ": not the same array"}
		}
		for i := range x {
			all = append(all, differences(path+".*", x[i], y[i])...)
		}
	default:
		if a != b {
			all = append(all, path+": "+kind(path, a)+" is "+kind(path, b))
		}
	}
	return all
}

func kind(path string, v any) string {
	switch v := v.(type) {
	case string:
		if word := path[strings.LastIndexByte(path, '.')+1:]; v == "" || word == "role" || word == "type" || word == "tool_choice" {
			return strconv.Quote(v)
		}
		return "a string"
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	}
	return "a value"
}

// equal are the differences that mean the same to the provider.
var equal = []string{
	// Older and looser spellings, written as OpenAI's page has them.
	".functions is gone", ".tools is new",
	".max_completion_tokens is gone", ".max_tokens is new",
	".stop: a string is an array",
	".tool_choice.type is new", `.tool_choice: "any" is "required"`, ".tools.*.type is new",
	".messages.*.tool_call_id is new",
	".messages.*.content.*.image_url: a string is an object",
	".messages.*.tool_calls.*.index is gone",
	`.messages.*.role: "developer" is "system"`,
	// Contents: one text is a string; nothing beside calls is null; system messages in a row are one.
	".messages.*.content: not the same array", `.messages.*.content: "" is null`, ".messages: not the same array",
	// A cache mark on a message is one on its last part.
	".messages.*.cache_control is gone", ".messages.*.content: a string is an array",
	// Documents and thoughts in the words that the target of this test takes.
	".messages.*.content.*.document_name is new", ".messages.*.content.*.document_url is new", ".messages.*.content.*.file is gone",
	`.messages.*.content.*.type: "file" is "document_url"`,
	".messages.*.reasoning is gone", ".messages.*.reasoning_content is new", ".messages.*.reasoning_details is gone",
	".reasoning is gone", ".thinking is gone", ".reasoning_effort is new",
	// Nothing, said at length: "", [], false.
	".messages.*.annotations is gone", ".response_format.json_schema.description is gone", ".tools.*.function.description is gone",
	".stop is gone", ".tools is gone", ".stream is gone",
	// Usage is always asked for.
	".stream_options is new",
}
