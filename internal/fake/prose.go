package fake

import (
	"math/rand/v2"
	"strings"
)

// The patterns take a topic for T, a noun for N, an adjective for A and a verb for V.
var patterns = []string{
	"The A part of T is the N, since everything else depends on it.",
	"Most people V the N first and look at T later.",
	"In practice T comes down to a A N.",
	"There are two ways to V a N, and the A one is usually enough.",
	"One A N does not change what T is about.",
	"It helps to V the N before the N.",
	"When the N is A, the N follows almost by itself.",
	"Start with the N, V it, and compare the result with T.",
	"What looks like a A N is often just T seen from the other side.",
	"For T, a N that is A today may be A tomorrow.",
	"Nothing prevents you from asking about the N again.",
	"The short answer is that T needs a A N.",
	"Without a N it is hard to V anything at all.",
	"That said, the N is rarely A for long.",
}

var nouns = strings.Fields("harbour lantern bridge garden letter motor river market field ladder signal workshop bell compass " +
	"kettle mountain notebook window station recipe thread mirror furnace path valley library clock")

var adjectives = strings.Fields("simple quiet careful short useful narrow sturdy steady bright heavy patient common gentle plain " +
	"curious brief modest clear")

var verbs = strings.Fields("measure describe repair compare sort draw question test carry count open follow trust name weigh")

// answer is prose about what the prompt is about, the same for the same prompt: 4 to 9 sentences.
func answer(prompt string) string {
	n := seed(prompt)
	return prose(n, topic(prompt), 4+int(n%6))
}

// prose writes sentences of different patterns, the same for the same number.
func prose(number uint64, topic string, sentences int) string {
	r := rand.New(rand.NewPCG(number, 1))
	var b strings.Builder
	b.Grow(sentences * 80)
	for i, k := range r.Perm(len(patterns))[:min(sentences, len(patterns))] {
		if i > 0 {
			b.WriteByte(' ')
		}
		sentence(&b, patterns[k], topic, r)
	}
	return b.String()
}

func sentence(b *strings.Builder, pattern, topic string, r *rand.Rand) {
	for more := true; more; {
		var word string
		word, pattern, more = strings.Cut(pattern, " ")
		core := strings.TrimRight(word, ".,")
		switch core {
		case "T":
			b.WriteString(topic)
		case "N":
			b.WriteString(nouns[r.IntN(len(nouns))])
		case "A":
			b.WriteString(adjectives[r.IntN(len(adjectives))])
		case "V":
			b.WriteString(verbs[r.IntN(len(verbs))])
		default:
			b.WriteString(core)
		}
		b.WriteString(word[len(core):])
		if more {
			b.WriteByte(' ')
		}
	}
}

// topic is the longest plain word of the prompt's end.
func topic(prompt string) string {
	best := ""
	for w := range strings.FieldsFuncSeq(prompt[max(0, len(prompt)-400):], notLetter) {
		if len(w) > len(best) && len(w) <= 20 {
			best = w
		}
	}
	if len(best) < 4 {
		return "the question"
	}
	return strings.ToLower(best)
}

func notLetter(r rune) bool { return r < 'A' || r > 'Z' && r < 'a' || r > 'z' }
