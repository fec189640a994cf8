package dialect_test

import (
	"fmt"
	"slices"
	"strings"

	"tidegate/internal/llm"
)

// difference is something of the request that did not arrive, or that arrived without having been sent, and that no loss names.
type difference struct {
	what string // the kind of check: system, turns, tools, choice, sampling, …
	text string
}

// uncovered compares what was asked with what the target's own decoder reads out of the translation.
func uncovered(asked, arrived *view, losses []llm.Loss) []difference {
	c := &comparison{losses: losses}
	c.conversation(asked.pieces, arrived.pieces)
	c.facts(asked.facts, arrived.facts)
	return c.found
}

type comparison struct {
	losses []llm.Loss
	found  []difference
}

func (c *comparison) miss(what, format string, a ...any) {
	c.found = append(c.found, difference{what, fmt.Sprintf(format, a...)})
}

// named tells whether a loss names the place, or something that it is part of.
func (c *comparison) named(path string) bool {
	return slices.ContainsFunc(c.losses, func(l llm.Loss) bool { return l.Path == path || strings.HasPrefix(path, l.Path+".") })
}

// covered tells whether a loss explains that a piece is not in its place: it names the piece, what is in it, or the role of its
// message. A loss of the order of a message explains a piece that stands elsewhere.
func (c *comparison) covered(p *piece, arrived []piece) bool {
	message, _, _ := strings.Cut(p.path, ".content")
	return slices.ContainsFunc(c.losses, func(l llm.Loss) bool {
		switch l.Path {
		case p.path + ".signature": // of a text that was there for it
			return p.says == "text "
		case p.path, p.path + ".arguments", message, message + ".role":
			return true
		case message + ".content":
			return slices.ContainsFunc(arrived, func(q piece) bool { return q.equal(p) })
		}
		return strings.HasPrefix(l.Path, p.path+".content.") || strings.HasPrefix(p.path, l.Path+".content.")
	})
}

// conversation aligns the two lists. What has no partner must be explained by a loss; so must its marks.
func (c *comparison) conversation(asked, arrived []piece) {
	i, k := 0, 0
	for _, pair := range append(common(asked, arrived), [2]int{len(asked), len(arrived)}) {
		c.gap(asked, arrived, i, k, pair)
		if pair[0] == len(asked) {
			return
		}
		c.marks(&asked[pair[0]], &arrived[pair[1]])
		i, k = pair[0]+1, pair[1]+1
	}
}

// gap looks at the pieces between two matches. New ones come in the place of lost ones, or with a loss of the conversation
// itself (a turn that had to be put in) or of their neighbours' message (media that moved, a result for a call without one).
func (c *comparison) gap(asked, arrived []piece, i, k int, to [2]int) {
	for _, p := range asked[i:to[0]] {
		if !c.covered(&p, arrived) {
			c.miss(about(&p), "%s is gone: %.300q", p.path, p.says)
		}
	}
	if k == to[1] || i < to[0] || c.named("messages") {
		return
	}
	near := slices.Concat(asked[max(0, i-1):min(len(asked), i+1)])
	for _, p := range near {
		message, _, _ := strings.Cut(p.path, ".content")
		if slices.ContainsFunc(c.losses, func(l llm.Loss) bool { return strings.HasPrefix(l.Path, message+".") }) {
			return
		}
	}
	for _, p := range arrived[k:to[1]] {
		c.miss(about(&p), "invented: %s %.300q", p.speak, p.says)
	}
}

func about(p *piece) string {
	kind, _, _ := strings.Cut(p.says, " ")
	if p.speak == "" {
		return "system"
	}
	return map[string]string{"text": "text", "media": "media", "thought": "thoughts", "call": "calls", "result": "results", "opaque": "opaque"}[kind]
}

func (c *comparison) marks(asked, arrived *piece) {
	for name, value := range asked.marks {
		message, _, _ := strings.Cut(asked.path, ".content")
		if arrived.marks[name] != value && !c.named(asked.path+"."+name) && !c.named(message+"."+name) &&
			!slices.ContainsFunc(c.losses, func(l llm.Loss) bool {
				return strings.HasPrefix(l.Path, asked.path+".content.") && strings.HasSuffix(l.Path, name)
			}) {
			c.miss(name, "%s.%s is %q instead of %q", asked.path, name, arrived.marks[name], value)
		}
	}
	for name, value := range arrived.marks {
		if _, was := asked.marks[name]; !was {
			c.miss(name, "%s.%s is invented: %q", asked.path, name, value)
		}
	}
}

func (c *comparison) facts(asked, arrived []fact) {
	got := map[string]string{}
	for _, f := range arrived {
		got[f.key] = f.value
	}
	for _, f := range asked {
		if !f.any && got[f.key] != f.value && !slices.ContainsFunc(f.paths, c.named) {
			c.miss(f.kind(), "%s is %.600q instead of %.600q", f.key, got[f.key], f.value)
		}
		delete(got, f.key)
	}
	for key, value := range got {
		if value != "" {
			c.miss("invented", "%s is invented: %.300q", key, value)
		}
	}
}

func (f *fact) kind() string {
	if strings.HasPrefix(f.key, "member ") {
		return "members"
	}
	if strings.HasPrefix(f.key, "tool ") {
		return "tool " + f.key[strings.LastIndexByte(f.key, ' ')+1:]
	}
	return f.key
}

// common is the longest common subsequence of two lists, as pairs of places.
func common(a, b []piece) (pairs [][2]int) {
	head := 0
	for head < len(a) && head < len(b) && a[head].equal(&b[head]) {
		pairs = append(pairs, [2]int{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail].equal(&b[len(b)-1-tail]) {
		tail++
	}
	pairs = append(pairs, middle(a[head:len(a)-tail], b[head:len(b)-tail], head)...)
	for i := tail; i > 0; i-- {
		pairs = append(pairs, [2]int{len(a) - i, len(b) - i})
	}
	return pairs
}

func middle(a, b []piece, from int) (pairs [][2]int) {
	best := make([][]int, len(a)+1) // of the rests
	for i := range best {
		best[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			best[i][k] = max(best[i+1][k], best[i][k+1])
			if a[i].equal(&b[k]) {
				best[i][k] = best[i+1][k+1] + 1
			}
		}
	}
	for i, k := 0, 0; i < len(a) && k < len(b); {
		switch {
		case a[i].equal(&b[k]):
			pairs = append(pairs, [2]int{from + i, from + k})
			i, k = i+1, k+1
		case best[i+1][k] >= best[i][k+1]:
			i++
		default:
			k++
		}
	}
	return pairs
}
