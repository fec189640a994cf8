package openaichat

import (
	"slices"
	"strings"

	"tidegate/internal/llm"
)

// piece is a part and its place in the caller's document.
type piece struct {
	where string
	part  llm.Part
}

func numbered(path string, parts []llm.Part) []piece {
	all := make([]piece, len(parts))
	for i, p := range parts {
		all[i] = piece{at(path, i), p}
	}
	return all
}

// turn is a message as it will be written.
type turn struct {
	role  llm.Role
	name  string
	path  string
	items []piece
	ext   llm.Ext
	empty bool // all that it had has been moved
}

// turns lays the conversation out by the vendor's rule for tools: whatever an assistant's message calls is answered, by results
// with its ids and before anything else is said ("An assistant message with 'tool_calls' must be followed by tool messages
// responding to each 'tool_call_id'"). Other vendors' conversations need not be so. One that keeps the rule is not changed.
func (e *encoder) turns() []turn {
	turns := make([]turn, 0, len(e.chat.Messages))
	for i := range e.chat.Messages {
		m, path := &e.chat.Messages[i], at("messages", i)
		e.losses = m.Ext.Losses(e.losses, own, path)
		t := turn{role: m.Role, name: m.Name, path: path, items: numbered(path+".content", m.Parts), ext: m.Ext}
		if n := len(turns); n > 0 && t.role == llm.RoleAssistant && turns[n-1].role == t.role && len(turns[n-1].calls()) > 0 {
			turns[n-1].items = append(turns[n-1].items, t.items...)
			continue
		}
		turns = append(turns, t)
	}
	for i := 0; i < len(turns); i++ {
		if calls := turns[i].calls(); turns[i].role == llm.RoleAssistant && len(calls) > 0 {
			turns = e.answer(turns, i, calls)
		}
	}
	turns = slices.DeleteFunc(turns, func(t turn) bool { return t.empty })
	e.orphans(turns)
	if n := len(turns); n > 0 && turns[n-1].role == llm.RoleAssistant {
		e.lose(false, "messages", "a begun answer is not continued but answered")
	}
	return turns
}

// calls are the calls of a turn.
func (t *turn) calls() (calls []piece) {
	for _, it := range t.items {
		if _, ok := it.part.(llm.Call); ok {
			calls = append(calls, it)
		}
	}
	return calls
}

// answer puts the results of a turn's calls behind it, unless they are there. A call without one gets one that says so.
func (e *encoder) answer(turns []turn, i int, calls []piece) []turn {
	if i+1 < len(turns) && turns[i+1].answers(calls) {
		return turns
	}
	var results []piece
	for _, it := range calls {
		call, _ := it.part.(llm.Call)
		found, ok := take(turns[i+1:], call.ID)
		if !ok {
			e.lose(false, it.where, "a call without a result; sent with one that says so")
			found = piece{it.where, llm.Result{CallID: call.ID, Parts: []llm.Part{llm.Text{Text: "The tool was not run."}}}}
		}
		results = append(results, found)
	}
	if i+1 < len(turns) && turns[i+1].role == llm.RoleUser {
		turns[i+1].items, turns[i+1].empty = append(results, turns[i+1].items...), false
		return turns
	}
	return slices.Insert(turns, i+1, turn{role: llm.RoleUser, items: results})
}

// answers tells whether a turn has the results of all these calls, and no others.
func (t *turn) answers(calls []piece) bool {
	open := map[string]bool{}
	for _, it := range calls {
		call, _ := it.part.(llm.Call)
		open[call.ID] = true
	}
	if t.role != llm.RoleUser || len(open) != len(calls) {
		return false
	}
	for _, it := range t.items {
		if r, ok := it.part.(llm.Result); ok && open[r.CallID] {
			delete(open, r.CallID)
		} else if ok {
			return false
		}
	}
	return len(open) == 0
}

// take removes the first result for an id, unless another call of that id comes before it.
func take(turns []turn, id string) (piece, bool) {
	for i := range turns {
		for k, it := range turns[i].items {
			switch p := it.part.(type) {
			case llm.Call:
				if p.ID == id {
					return piece{}, false
				}
			case llm.Result:
				if p.CallID == id {
					turns[i].items = slices.Delete(slices.Clone(turns[i].items), k, k+1)
					turns[i].empty = len(turns[i].items) == 0
					return it, true
				}
			case llm.Text, llm.Media, llm.Thought, llm.Opaque:
			}
		}
	}
	return piece{}, false
}

// orphans makes text of the results that answer no call of the turn before them.
func (e *encoder) orphans(turns []turn) {
	open := map[string]int{}
	for i := range turns {
		items := make([]piece, 0, len(turns[i].items))
		for _, it := range turns[i].items {
			r, ok := it.part.(llm.Result)
			if ok {
				open[r.CallID]--
			}
			if !ok || open[r.CallID] >= 0 {
				items = append(items, it)
				continue
			}
			e.lose(false, it.where, "a result without a call; sent as text")
			items = append(items, orphan(it.where, &r)...)
		}
		turns[i].items = items
		clear(open)
		for _, it := range turns[i].calls() {
			call, _ := it.part.(llm.Call)
			open[call.ID]++
		}
	}
}

// orphan is a result as text, and behind it what it holds besides.
func orphan(path string, r *llm.Result) []piece {
	var text strings.Builder
	text.WriteString("Result of a tool call")
	if name := strings.TrimSpace(r.Name + " " + r.CallID); name != "" {
		text.WriteString(" (" + name + ")")
	}
	var others []piece
	for _, it := range numbered(path+".content", r.Parts) {
		if t, ok := it.part.(llm.Text); ok {
			text.WriteString("\n" + t.Text)
		} else {
			others = append(others, it)
		}
	}
	return append([]piece{{path, llm.Text{Text: text.String(), Mark: r.Mark}}}, others...)
}
