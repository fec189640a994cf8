package gemini

import (
	"slices"
	"strings"

	"tidegate/internal/llm"
)

// answer keeps Google's rule for tools: the turn after a turn with calls has as many responses as that had calls, or none at all
// ("Please ensure that the number of function response parts is equal to the number of function call parts of the function call
// turn"), and no other turn has any. A conversation that keeps the rule is not changed.
func (e *encoder) answer(turns []turn) {
	var calls []item // of the turn before
	for i := range turns {
		if turns[i].role == "user" {
			e.complete(turns, i, calls)
		}
		calls = nil
		for _, it := range turns[i].parts {
			if _, ok := it.part.(llm.Call); ok {
				calls = append(calls, it)
			}
		}
	}
}

// complete gives turn i the results of these calls and no others: late ones are taken from where they are, missing ones say so,
// and those that answer something else become text.
func (e *encoder) complete(turns []turn, i int, calls []item) {
	t := &turns[i]
	var results []item
	var missing []string
	for _, it := range calls {
		call, _ := it.part.(llm.Call)
		r, ok := take(turns[i:], call.ID)
		if !ok {
			missing = append(missing, it.path)
			parts := []llm.Part{llm.Text{Text: "The tool was not run."}}
			r = item{llm.Result{CallID: call.ID, Name: call.Name, Failed: true, Parts: parts}, it.path}
		}
		results = append(results, r)
	}
	if len(missing) == len(calls) { // text instead of responses is taken
		results, missing = nil, nil
	}
	for _, path := range missing {
		e.lose(path, "a call without a result; sent with one that says so", false)
	}
	var text []item
	for _, it := range t.results {
		r, _ := it.part.(llm.Result)
		e.lose(it.path, "a result without a call; sent as text", false)
		text = append(text, orphan(it.path, &r)...)
	}
	t.results, t.parts = results, slices.Concat(text, t.parts)
}

// take removes the first result for an id, unless another call of that id comes before it.
func take(turns []turn, id string) (item, bool) {
	for i := range turns {
		t := &turns[i]
		for k, it := range t.results {
			if r, _ := it.part.(llm.Result); r.CallID == id {
				t.results = slices.Delete(slices.Clone(t.results), k, k+1)
				return it, true
			}
		}
		for _, it := range t.parts {
			if c, ok := it.part.(llm.Call); ok && c.ID == id {
				return item{}, false
			}
		}
	}
	return item{}, false
}

// orphan is a result as text, and behind it the media that it holds.
func orphan(path string, r *llm.Result) []item {
	var text strings.Builder
	text.WriteString("Result of a tool call")
	name := r.Name
	if name == r.CallID { // for want of a better one
		name = ""
	}
	if name = strings.TrimSpace(name + " " + r.CallID); name != "" {
		text.WriteString(" (" + name + ")")
	}
	var others []item
	for _, p := range r.Parts {
		if t, ok := p.(llm.Text); ok {
			text.WriteString("\n" + t.Text)
		} else {
			others = append(others, item{p, path})
		}
	}
	return append([]item{{llm.Text{Text: text.String(), Mark: r.Mark}, path}}, others...)
}
