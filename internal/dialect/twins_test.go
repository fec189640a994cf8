package dialect_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/dialect/corpus"
	"tidegate/internal/llm"
)

// scenario is one conversation that was recorded on several surfaces.
type scenario struct {
	Members []struct {
		ID      string         `json:"id"`
		Surface string         `json:"surface"`
		Rest    jsontext.Value `json:",embed"`
	} `json:"members"`
	Rest jsontext.Value `json:",embed"`
}

// TestScenarioTwins: the translation of a request says what somebody else's request on the other surface said, where both are
// recordings of the same conversation. Recorders differ in wording, so agreement is counted; what a translation may not do is to
// say less than both: a piece that the two recordings share must be in it.
func TestScenarioTwins(t *testing.T) {
	byID := map[string]*asked{}
	for _, a := range readRequests(t) {
		byID[a.rec.ID] = &a
	}
	c := newTally(t)
	defer c.report()
	for _, s := range scenarios(t) {
		first := map[llm.Dialect]*asked{}
		for _, m := range s.Members {
			if a := byID[m.ID]; a != nil && first[a.from] == nil {
				first[a.from] = a
			}
		}
		for _, from := range surfaces {
			for _, to := range surfaces {
				if a, b := first[from.dialect], first[to.dialect]; a != nil && b != nil && a != b {
					twins(t, c, a, b)
				}
			}
		}
	}
}

func scenarios(t *testing.T) (all []scenario) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(corpus.Shared(t), "corpus", corpus.Part(), "SCENARIOS.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(doc) {
		var s scenario
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// twins compares the translation of a with the recording b.
func twins(t *testing.T, c *tally, a, b *asked) {
	t.Helper()
	what := fmt.Sprintf("%s as on %s: ", a.from, b.from)
	out, _, err := codecOf(t, b.from).EncodeRequest(a.chat, usual[b.from])
	if err != nil {
		t.Errorf("%s: %v", a.rec.ID, err)
		return
	}
	ours, err := codecOf(t, b.from).DecodeRequest(out)
	if err != nil {
		t.Errorf("%s: %v", a.rec.ID, err)
		return
	}
	asked, recorded, translated := aspects(a.chat, b.from), aspects(b.chat, b.from), aspects(ours, b.from)
	for _, name := range []string{"system", "turns", "tools", "schemas"} {
		switch {
		case translated[name] == recorded[name]:
			c.passed[what+name+" agree"]++
		case asked[name] != recorded[name]: // the recordings differ themselves
			c.passed[what+name+" worded otherwise by the recorders"]++
		default:
			c.check(what+name+" agree", a.rec, false, "%s:\n%.1500s\nrather than\n%.1500s", b.rec.ID, translated[name], recorded[name])
		}
	}
}

// aspects are what two recordings of one conversation should share: what was said and by whom, without ids, order of results and
// marks, and the tools.
func aspects(chat *llm.Chat, d llm.Dialect) map[string]string {
	v := viewOf(chat, d)
	var system, turns, tools, schemas []string
	for _, p := range v.pieces {
		switch {
		case p.speak == "":
			system = append(system, strings.TrimPrefix(p.says, "text "))
		case !strings.HasPrefix(p.says, "thought "):
			turns = append(turns, string(p.speak)+": "+p.says)
		}
	}
	for _, t := range chat.Tools {
		tools = append(tools, t.Name)
		schemas = append(schemas, t.Name+" "+v.schema(t.Schema))
	}
	slices.Sort(tools)
	slices.Sort(schemas)
	lines := func(all []string) string { return strings.TrimSpace(strings.Join(all, "\n")) }
	return map[string]string{"system": lines(system), "turns": lines(turns), "tools": lines(tools), "schemas": lines(schemas)}
}
