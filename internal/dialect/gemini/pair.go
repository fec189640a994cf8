package gemini

import (
	"bytes"
	"fmt"

	"tidegate/internal/llm"
)

// Gemini's ids are optional: older clients and models pair results with calls by name and order. The neutral model has ids
// always, so calls without get one, the same one whenever the conversation comes again.

// openCalls are the calls of the model's last turn, which wait for their results.
type openCalls struct {
	all    []openCall
	byID   map[string]int
	byName map[string]*queue
	first  int // all before it are answered
}

type openCall struct {
	id       string
	answered bool
}

// queue holds calls of one name by their place in all; the second list has those whose id we made.
type queue struct{ any, made []int }

func (o *openCalls) add(id, name string, made bool) {
	if o.byID == nil {
		o.byID, o.byName = map[string]int{}, map[string]*queue{}
	}
	n := len(o.all)
	o.all, o.byID[id] = append(o.all, openCall{id: id}), n
	q := o.byName[name]
	if q == nil {
		q = new(queue)
		o.byName[name] = q
	}
	if q.any = append(q.any, n); made {
		q.made = append(q.made, n)
	}
}

// next takes the first open call off a list.
func (o *openCalls) next(list *[]int) (id string, ok bool) {
	for l := *list; len(l) > 0; l = l[1:] {
		if c := &o.all[l[0]]; !c.answered {
			c.answered, *list = true, l[1:]
			return c.id, true
		}
	}
	*list = nil
	return "", false
}

// answer finds the call that a result answers which has no id, or one that no call has: the first open one of its name, else,
// without any id, the first open one.
func (o *openCalls) answer(id, name string) (found string, ok bool) {
	if q := o.byName[name]; q != nil {
		list := &q.any
		if id != "" {
			list = &q.made
		}
		if found, ok = o.next(list); ok {
			return found, true
		}
	}
	if id != "" {
		return "", false
	}
	for ; o.first < len(o.all); o.first++ {
		if c := &o.all[o.first]; !c.answered {
			c.answered = true
			return c.id, true
		}
	}
	return "", false
}

// identify gives a call the id that it lacks.
func (d *decoder) identify(call llm.Call) llm.Call {
	made := call.ID == ""
	if made {
		call.ID = d.makeID()
	}
	d.calls[call.ID] = true
	d.open.add(call.ID, call.Name, made)
	return call
}

// pair gives a result the id of its call.
func (d *decoder) pair(r llm.Result) llm.Result {
	if d.calls[r.CallID] {
		if n, ok := d.open.byID[r.CallID]; ok {
			d.open.all[n].answered = true
		}
		return r
	}
	if id, ok := d.open.answer(r.CallID, r.Name); ok {
		r.CallID = id
	} else if r.CallID == "" {
		r.CallID = d.makeID()
	}
	return r
}

const idPrefix = "call_"

func (d *decoder) makeID() string {
	for {
		id := fmt.Sprintf("%s%d", idPrefix, d.made)
		if d.made++; !d.given[id] {
			return id
		}
	}
}

// givenIDs are the strings of a request that look like ids of ours.
func givenIDs(body []byte) map[string]bool {
	given := map[string]bool{}
	for quoted := []byte(`"` + idPrefix); ; {
		i := bytes.Index(body, quoted)
		if i < 0 {
			return given
		}
		body = body[i+1:]
		if end := bytes.IndexByte(body, '"'); end > 0 && end < 32 {
			given[string(body[:end])] = true
		}
	}
}
