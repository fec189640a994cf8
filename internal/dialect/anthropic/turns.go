package anthropic

import (
	"slices"
	"strconv"
	"strings"

	"tidegate/internal/llm"
)

// turn is a message as it will be written.
type turn struct {
	role  llm.Role
	items []item
	ext   llm.Ext
}

// turns lays the conversation out by the vendor's rules: turns of one speaker are one, every call is answered at the very
// beginning of the turn behind it, nothing is empty, and a user speaks first. A conversation that keeps the rules is not
// changed.
func (e *encoder) turns() []turn {
	var turns []turn
	for i := range e.chat.Messages {
		if t := e.turn(&e.chat.Messages[i], i); len(t.items) > 0 {
			turns = append(turns, t)
		}
	}
	return e.ends(merge(e.answer(merge(turns))))
}

func (e *encoder) turn(m *llm.Message, at int) turn {
	path := "messages." + strconv.Itoa(at)
	t := turn{role: m.Role, ext: m.Ext}
	if m.Name != "" {
		e.lose(path+".name", "participants have no names here")
	}
	e.losses = m.Ext.Losses(e.losses, own, path)
	if m.Role == llm.RoleSystem && !e.traits.system {
		t.role = llm.RoleUser
		e.lose(path+".role", "the model takes system messages only in front; sent as the user's")
	}
	for i, p := range m.Parts {
		if _, opaque := p.(llm.Opaque); opaque && t.role != m.Role {
			e.refuse(path+".content."+strconv.Itoa(i), "only a system message can hold it")
			continue
		}
		it := item{part: p, path: func() string { return path + ".content." + strconv.Itoa(i) }}
		if e.sendable(&it, m.Role) {
			t.items = append(t.items, it)
		}
	}
	if n := len(t.items); n > 0 && at+1 == len(e.chat.Messages) && blank(t.items[n-1].part) {
		t.items = t.items[:n-1] // nothing of it would be left, see ends
	}
	return t
}

// blank tells whether a part is text without a visible character.
func blank(p llm.Part) bool {
	t, ok := p.(llm.Text)
	return ok && strings.TrimSpace(t.Text) == ""
}

// merge joins neighbours of one role, as the vendor itself does, and drops what became empty. System messages stay apart.
func merge(turns []turn) []turn {
	out := turns[:0]
	for _, t := range turns {
		if len(t.items) == 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].role == t.role && t.role != llm.RoleSystem && len(out[n-1].ext[own]) == 0 && len(t.ext[own]) == 0 {
			out[n-1].items = slices.Concat(out[n-1].items, t.items)
			continue
		}
		out = append(out, t)
	}
	return out
}

// answer puts the results of every assistant's turn at the head of the turn behind it. A call without a result gets one that
// says so, and a result without a call becomes text; the vendor refuses both as they are.
func (e *encoder) answer(turns []turn) []turn {
	seen := map[string]int{}
	for i := 0; i < len(turns); i++ {
		if turns[i].role != llm.RoleAssistant {
			continue
		}
		results := e.results(turns, i, seen)
		if len(results) == 0 {
			continue
		}
		if i+1 == len(turns) || turns[i+1].role != llm.RoleUser {
			turns = slices.Insert(turns, i+1, turn{role: llm.RoleUser})
		}
		next := &turns[i+1]
		next.items = slices.Concat(results, unused(next.items))
	}
	for i := range turns {
		turns[i].items = e.orphans(unused(turns[i].items))
	}
	return turns
}

// results takes the result of each call of turn i out of the turns behind it. Ids are made unique on the way: some servers
// count calls from zero in every turn, the vendor wants each id once.
func (e *encoder) results(turns []turn, i int, seen map[string]int) (results []item) {
	for k := range turns[i].items {
		it := &turns[i].items[k]
		c, ok := it.part.(llm.Call)
		if !ok {
			continue
		}
		old := c.ID
		if c.ID = cleanID(c.ID); c.ID == "" {
			c.ID = "call"
		}
		if seen[c.ID]++; seen[c.ID] > 1 {
			c.ID += "_" + strconv.Itoa(seen[c.ID])
		}
		it.part = c
		found, ok := take(turns[i+1:], old)
		if !ok {
			e.lose(it.path(), "a call without a result; sent with one that says so")
			found = item{part: llm.Result{Failed: true}, path: it.path}
			found.inner = []item{{part: llm.Text{Text: "The tool was not run."}, path: it.path}}
		}
		r, _ := found.part.(llm.Result)
		r.CallID = c.ID
		found.part, found.used = r, true
		results = append(results, found)
	}
	return results
}

// take finds the first result for an id that has no call yet, unless another call of that id comes before it, and marks the place
// it leaves as used.
func take(turns []turn, id string) (item, bool) {
	for i := range turns {
		for k := range turns[i].items {
			it := &turns[i].items[k]
			if c, ok := it.part.(llm.Call); ok && c.ID == id {
				return item{}, false
			}
			if r, ok := it.part.(llm.Result); ok && !it.used && r.CallID == id {
				taken := *it
				it.used, it.part = true, nil
				return taken, true
			}
		}
	}
	return item{}, false
}

// unused are the items that nobody took.
func unused(items []item) (out []item) {
	for _, it := range items {
		if it.part != nil {
			out = append(out, it)
		}
	}
	return out
}

// orphans makes text of the results that no call wants, and puts their media behind it.
func (e *encoder) orphans(items []item) (out []item) {
	for _, it := range items {
		r, ok := it.part.(llm.Result)
		if !ok || it.used {
			out = append(out, it)
			continue
		}
		e.lose(it.path(), "a result without a call; sent as text")
		var text strings.Builder
		text.WriteString("Result of a tool call")
		if name := strings.TrimSpace(r.Name + " " + r.CallID); name != "" {
			text.WriteString(" (" + name + ")")
		}
		at := len(out)
		out = append(out, it)
		for _, inner := range it.inner {
			switch p := inner.part.(type) {
			case llm.Text:
				text.WriteString("\n" + p.Text)
			case llm.Media:
				out = append(out, inner)
			case llm.Thought, llm.Call, llm.Result, llm.Opaque:
				e.refuse(inner.path(), "only the result of a call can hold it")
			}
		}
		out[at].part = llm.Text{Text: text.String(), Mark: r.Mark}
	}
	return out
}

// ends sees to the first and the last turn.
func (e *encoder) ends(turns []turn) []turn {
	if len(turns) == 0 || turns[0].role == llm.RoleAssistant && !e.traits.system {
		// Models before Opus 4.8 want a user first; a recording shows a later one taking an assistant.
		e.lose("messages", "a user has to speak first; a turn was put in front")
		turns = slices.Insert(turns, 0, filler("(The conversation begins.)"))
	}
	last := &turns[len(turns)-1]
	if last.role != llm.RoleAssistant {
		return turns
	}
	if paused(last) {
		return turns
	}
	if !e.traits.prefill {
		e.refuse("messages", "the model does not continue an assistant's turn")
		return append(turns, filler("Continue."))
	}
	// "The prefill content cannot end with trailing whitespace" (prefill page, 2026-11).
	end := &last.items[len(last.items)-1]
	if t, ok := end.part.(llm.Text); ok {
		if trimmed := strings.TrimRight(t.Text, " \t\r\n"); trimmed != t.Text {
			e.lose(end.path(), "white space at the end")
			t.Text = trimmed
			end.part = t
		}
	}
	return turns
}

// paused tells whether a turn ends in the middle of a server tool's work: the vendor continues it from there.
func paused(t *turn) bool {
	_, server := t.items[len(t.items)-1].part.(llm.Opaque)
	return server
}

func filler(text string) turn {
	return turn{role: llm.RoleUser, items: []item{{part: llm.Text{Text: text}}}}
}
