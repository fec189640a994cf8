package provider_test

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/provider"
)

// exchange is what this test reads of a recording.
type exchange struct {
	Provider string `json:"provider"`
	Surface  string `json:"surface"`
	Host     string `json:"host"`
	Path     string `json:"path"`
	Status   int    `json:"status"`
	Body     string `json:"response_body"`
	Facts    struct {
		Usage *struct {
			Input     int64 `json:"input"`
			Output    int64 `json:"output"`
			Reasoning int64 `json:"reasoning"`
			Total     int64 `json:"total"`
		} `json:"usage"`
	} `json:"facts"`
}

func exchanges(t *testing.T) []exchange {
	root := os.Getenv("TIDEGATE_SHARED")
	if root == "" {
		t.Skip("TIDEGATE_SHARED is not set: 0 recordings compared")
	}
	names, err := filepath.Glob(filepath.Join(root, "corpus", "dev", "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no recordings in %s", root)
	}
	var all []exchange
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		dec := jsontext.NewDecoder(f)
		for {
			var x exchange
			if err := json.UnmarshalDecode(dec, &x); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, x)
		}
		f.Close()
	}
	return all
}

var paths = map[string]struct {
	dialect llm.Dialect
	path    string
}{
	"openai-chat":        {llm.OpenAIChat, "/chat/completions"},
	"anthropic-messages": {llm.Anthropic, "/messages"},
	"gemini-generate":    {llm.Gemini, "/models/"},
}

// recordedAs is the row for a provider of the recordings, where the name differs.
var recordedAs = map[string]string{"vercel-gateway": "vercel"}

func row(x exchange) (provider.Row, bool) {
	name := x.Provider
	if recordedAs[name] != "" {
		name = recordedAs[name]
	}
	r, ok := provider.Lookup(name)
	return r, ok && r.Dialect == paths[x.Surface].dialect
}

// What succeeded in recorded traffic went to the address of the row. Some providers were also reached under other paths (a
// beta, one host behind a router), so it is enough that one exchange agrees; but one must.
func TestRecordedAddresses(t *testing.T) {
	agree, other := map[string]int{}, map[string]int{}
	for _, x := range exchanges(t) {
		r, ok := row(x)
		if !ok || x.Status != 200 || x.Host == "" || r.Local || r.BaseURL == "" && r.Path == "" {
			continue
		}
		want := r.Path + paths[x.Surface].path
		if r.BaseURL != "" {
			u, err := url.Parse(r.BaseURL)
			if err != nil {
				t.Fatal(err)
			}
			want = u.Host + u.Path + paths[x.Surface].path
		}
		if strings.HasPrefix(x.Host+x.Path, want) || r.BaseURL == "" && strings.HasPrefix(x.Path, want) {
			agree[r.Name]++
		} else {
			other[r.Name]++
		}
	}
	for name, n := range other {
		t.Logf("%s: %d exchanges at other addresses", name, n)
		if agree[name] == 0 {
			t.Errorf("%s: no exchange went to the address of the row", name)
		}
	}
	if len(agree) < 15 {
		t.Errorf("only %d providers compared", len(agree))
	}
}

var thoughts = regexp.MustCompile(`"(reasoning|reasoning_content)": ?"[^"]`)

// Where reasoning is counted, and what member carries it, is as the quirks say in nearly all recordings.
func TestRecordedReasoning(t *testing.T) {
	type tally struct{ outside, inside, agree, differ int }
	all := map[string]*tally{}
	for _, x := range exchanges(t) {
		r, ok := row(x)
		if !ok || x.Status != 200 || x.Surface != "openai-chat" {
			continue
		}
		n := all[r.Name]
		if n == nil {
			n = &tally{}
			all[r.Name] = n
		}
		if u := x.Facts.Usage; u != nil && u.Reasoning > 0 {
			// Vercel's total leaves reasoning out altogether: more reasoning than output shows it.
			if u.Total == u.Input+u.Output+u.Reasoning || u.Reasoning > u.Output {
				n.outside++
			} else {
				n.inside++
			}
		}
		for _, m := range thoughts.FindAllStringSubmatch(x.Body, 1) {
			want := r.Quirks.Thought
			if want == "" {
				want = "reasoning_content"
			}
			if m[1] == want {
				n.agree++
			} else {
				n.differ++
			}
		}
	}
	for name, n := range all {
		r, _ := provider.Lookup(name)
		if n.outside+n.inside >= 8 && r.Quirks.ReasoningOutside != (n.outside > n.inside) {
			t.Errorf("%s: reasoning outside the output in %d replies, inside in %d", name, n.outside, n.inside)
		}
		if n.agree+n.differ >= 3 && n.differ > n.agree {
			t.Errorf("%s: thoughts under another member in %d of %d replies", name, n.differ, n.agree+n.differ)
		}
		t.Logf("%-12s reasoning outside %3d, inside %3d; member as in the row %3d, other %3d", name, n.outside, n.inside, n.agree, n.differ)
	}
}
