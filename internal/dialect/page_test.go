package dialect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
)

const page = "../../docs/translation.md"

// TestPage: docs/translation.md names every loss that the golden matrix and the recorded requests show. The whole page can only be
// written, and held to every word, where the recordings are; elsewhere, what the matrix shows must be on it.
func TestPage(t *testing.T) {
	have, err := os.ReadFile(page)
	if err != nil && !*update {
		t.Fatal(err)
	}
	found := newLosses()
	matrixLosses(t, found)
	for _, line := range found.lines() {
		if !*update && !strings.Contains(string(have), line) {
			t.Errorf("not on the page (-update writes it): %s", line)
		}
	}
	if os.Getenv("TIDEGATE_SHARED") == "" {
		if *update {
			t.Fatal("the page is written from the recordings: set TIDEGATE_SHARED")
		}
		t.Skip("TIDEGATE_SHARED is not set: the page is held to the golden matrix only")
	}
	for _, a := range readRequests(t) {
		for _, to := range targets {
			if to.dialect != a.from {
				_, losses, _ := codecOf(t, to.dialect).EncodeRequest(a.chat, to.target)
				found.add(a.from, to.dialect, a.chat, losses)
			}
		}
	}
	if corpus.Part() != "dev" {
		for _, line := range found.lines() {
			if !strings.Contains(string(have), line) {
				t.Logf("seen in this part of the recordings only: %s", line)
			}
		}
		return
	}
	want := found.page()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("not as the codecs have it (-update writes it):\n%s", diff)
	}
}

func matrixLosses(t *testing.T, found *lossTable) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var chat *llm.Chat
		var from llm.Dialect
		for _, f := range ar.Files {
			if d, ok := strings.CutPrefix(f.Name, "request."); ok {
				from = llm.Dialect(d)
				if chat, err = codecOf(t, from).DecodeRequest(f.Data); err != nil {
					t.Fatal(err)
				}
			}
			if to, ok := strings.CutPrefix(f.Name, "losses to "); ok {
				found.add(from, llm.Dialect(to), chat, readLosses(string(f.Data)))
			}
		}
	}
}

func readLosses(text string) (losses []llm.Loss) {
	for line := range strings.Lines(text) {
		if f := strings.SplitN(strings.TrimSpace(line), " | ", 3); len(f) == 3 {
			losses = append(losses, llm.Loss{Path: f[0], Grave: f[1] == "grave", Why: f[2]})
		}
	}
	return losses
}

// lossTable gathers losses by the pair of dialects; those of members that the model has no word for are only listed.
type lossTable struct {
	rows    map[string]map[string]bool
	unknown map[string]map[string]bool
}

func newLosses() *lossTable {
	return &lossTable{rows: map[string]map[string]bool{}, unknown: map[string]map[string]bool{}}
}

func (l *lossTable) add(from, to llm.Dialect, chat *llm.Chat, losses []llm.Loss) {
	members := map[string]bool{}
	for _, f := range viewOf(chat, to).facts {
		if path, ok := strings.CutPrefix(f.key, "member "); ok {
			members[path] = true
		}
	}
	pair := string(from) + " → " + string(to)
	put := func(m map[string]map[string]bool, key string) {
		if m[pair] == nil {
			m[pair] = map[string]bool{}
		}
		m[pair][key] = true
	}
	for _, loss := range losses {
		path := numbers.ReplaceAllString(loss.Path, ".N")
		if members[loss.Path] {
			put(l.unknown, fmt.Sprintf("%s `%s`", gravity(loss), path))
			continue
		}
		why := loss.Why
		for _, v := range variables {
			why = v.in.ReplaceAllString(why, v.out)
		}
		put(l.rows, fmt.Sprintf("| `%s` | %s | %s |", path, gravity(loss), why))
	}
}

var numbers = regexp.MustCompile(`\.[0-9]+`)

// variables are what differs from request to request in the words of a loss.
var variables = []struct {
	in  *regexp.Regexp
	out string
}{
	{regexp.MustCompile(`^a part that only (\S+) knows: .*`), "a part that only $1 knows: *KIND*"},
	{regexp.MustCompile(`^the tool \S+ is run`), "the tool *KIND* is run"},
	{regexp.MustCompile(`the tool "[^"]*" of type "[^"]*"`), "the tool *NAME* of type *KIND*"},
	{regexp.MustCompile(`a part of type "[^"]*"`), "a part of type *KIND*"},
	{regexp.MustCompile(`^tool \S+: \S+ is run by its`), "tool *NAME*: *KIND* is run by its"},
	{regexp.MustCompile(`^tool \S+: tools`), "tool *NAME*: tools"},
	{regexp.MustCompile(`^tool \S+ is not among`), "tool *NAME* is not among"},
	{regexp.MustCompile(`^\S+ is understood by`), "*KIND* is understood by"},
	{regexp.MustCompile(`^[a-z*]+/\S+ is not taken`), "*TYPE* is not taken"},
	{regexp.MustCompile(`(sealed|issued) by \S+$`), "$1 by *ISSUER*"},
	{regexp.MustCompile(`^(not enforced but described|Gemini does not enforce):? .*`), "$1: *KEYWORDS*"},
	{regexp.MustCompile(`properties merged: .* at the top`), "properties merged: *KEYWORDS* at the top"},
	{regexp.MustCompile(`^\S+ is sent as \S+$`), "*EFFORT* is sent as *EFFORT*"},
	{regexp.MustCompile(`^the model goes up to \S+$`), "the model goes up to *EFFORT*"},
	{regexp.MustCompile(`^tier \S+ is`), "tier *TIER* is"},
	{regexp.MustCompile(`not (image|audio|video)$`), "not *MODALITY*"},
}

// lines are those that must be found on the page.
func (l *lossTable) lines() (all []string) {
	for _, rows := range l.rows {
		all = slices.AppendSeq(all, mapKeys(rows))
	}
	for _, names := range l.unknown {
		for name := range names {
			_, name, _ = strings.Cut(name, " ")
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (l *lossTable) page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, from := range surfaces {
		others(from.dialect, func(to llm.Dialect) {
			pair := string(from.dialect) + " → " + string(to)
			fmt.Fprintf(&b, "\n### %s\n\n| path | | why |\n| --- | --- | --- |\n", pair)
			for _, row := range slices.Sorted(mapKeys(l.rows[pair])) {
				b.WriteString(row + "\n")
			}
			names := map[string][]string{}
			for _, name := range slices.Sorted(mapKeys(l.unknown[pair])) {
				g, name, _ := strings.Cut(name, " ")
				names[g] = append(names[g], name)
			}
			fmt.Fprintf(&b, "\nMembers that only %s has a word for, seen so far: %s.\n", from.dialect, strings.Join(names["mild"], ", "))
			if len(names["grave"]) > 0 {
				fmt.Fprintf(&b, "Without these the answer is another one, so losing them is grave: %s.\n", strings.Join(names["grave"], ", "))
			}
		})
	}
	return b.String()
}

const pageHead = "# What is lost in translation\n\n" +
	"<!-- Written by TestPage of internal/dialect with -update; edit page_test.go, or the codecs, instead. -->\n\n" +
	"When client and provider speak different dialects, a request is read into one neutral model and written anew. What the target cannot\n" +
	"say is never dropped in silence: every loss has a name, which is its place in the caller's request, and a reason.\n\n" +
	"- A **mild** loss is left out and named: in the response header `x-tidegate-dropped`, in the log, and in `tidegate_loss_total`.\n" +
	"- A **grave** loss would make the answer another one: tools, a response schema, alternatives, media, stored prompts. The request is\n" +
	"  refused with `unsupported_parameter`, or tried at the next target, unless the route says `on_loss: allow`.\n\n" +
	"Numbers in paths count from 0; below they are `N`. The leading instructions are `system`, and do not count among the messages. Results of\n" +
	"tools are content of a user's message, whatever the dialect: tool messages in a row are one. Members are named as follows, whoever calls:\n\n" +
	"| path | openai.chat | anthropic.messages | gemini.generate |\n| --- | --- | --- | --- |\n" +
	"| `system.N` | leading system and developer messages | `system` | `systemInstruction` |\n" +
	"| `messages.N`, `.role`, `.name`, `.content.N` | `messages` | `messages` | `contents` |\n" +
	"| `….content.N.content.N`, `.is_error` | content of a tool message | `tool_result` | `functionResponse` |\n" +
	"| `….signature` | `extra_content`, `reasoning_details` | `signature`, `data` | `thoughtSignature` |\n" +
	"| `….cache_control` | `cache_control` (OpenRouter's) | `cache_control` | |\n" +
	"| `tools.N`, `.name`, `.parameters`, `.strict` | `tools`, `functions` | `tools`, `input_schema` | each of `functionDeclarations`, and each tool of Google's |\n" +
	"| `tool_choice`, `parallel_tool_calls` | the same | `tool_choice`, `disable_parallel_tool_use` | `functionCallingConfig` |\n" +
	"| `response_format`, `.schema`, `.strict`, `.description` | `response_format` | `output_config.format` | `responseMimeType`, `responseSchema` |\n" +
	"| `thinking`, `.effort`, `.budget`, `.display` | `reasoning_effort`, `reasoning`, `thinking` | `thinking`, `output_config.effort` | `thinkingConfig` |\n" +
	"| `temperature`, `top_p`, `top_k`, `seed`, `stop`, `n`, `logprobs`, `frequency_penalty`, `presence_penalty` | the same | `stop_sequences` | `generationConfig` |\n" +
	"| `user`, `service_tier`, `verbosity`, `modalities` | the same | `metadata.user_id`, `service_tier` | `responseModalities` |\n\n" +
	"What changes without being a loss, since it means the same: messages of one speaker in a row become one where they must; results come first in\n" +
	"their turn, in the order of their calls; ids are rewritten where their alphabet is narrower, calls and results alike; several texts of a\n" +
	"result become one; arguments that are missing become `{}`; Anthropic's required `max_tokens` is the model's largest where the caller set no\n" +
	"limit; an effort becomes a budget or a level, and back; tools that the caller does not allow are not offered to Anthropic; schemas are said in\n" +
	"other words that mean the same (`const` as an `enum` of one, `definitions` as `$defs`, objects closed where they must be); numbers that are\n" +
	"what the model does anyway (a temperature of 1) are left out where they may not be said; the name of a response schema.\n\n" +
	"The lists are what the golden matrix (`internal/dialect/testdata`) and recorded requests have shown so far; what depends on the target's model is\n" +
	"listed for all models that were tried.\n\n" +
	"## Lists\n"
