package anthropic

import (
	"fmt"
	"strings"
	"testing"

	"tidegate/internal/llm"
)

// What the vendor's compiler of schemas refuses is not sent to it.
func TestStrictTools(t *testing.T) {
	plain := `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`
	nullable := make([]string, 10)
	for i := range nullable {
		nullable[i] = fmt.Sprintf(`"p%d":{"type":["string","null"]}`, i)
	}
	unions := `{"type":"object","properties":{` + strings.Join(nullable, ",") + `},"additionalProperties":false}`
	for name, tt := range map[string]struct {
		schemas []string
		lax     []int // the tools that are sent without strict
	}{
		"plain":       {[]string{plain, plain}, nil},
		"anything":    {[]string{`{"type":"object","properties":{"a":true}}`, `{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{}}}}}}`, plain}, []int{0, 1}},
		"itself":      {[]string{`{"type":"object","properties":{"next":{"$ref":"#"}}}`}, []int{0}},
		"around":      {[]string{`{"type":"object","properties":{"n":{"$ref":"#/$defs/A"}},"$defs":{"A":{"properties":{"b":{"$ref":"#/$defs/B"}}},"B":{"anyOf":[{"$ref":"#/$defs/A"},{"type":"null"}]}}}`}, []int{0}},
		"referred to": {[]string{`{"type":"object","properties":{"n":{"$ref":"#/$defs/A"},"m":{"$ref":"#/$defs/A"}},"$defs":{"A":{"type":"string"},"X":{"$ref":"#/$defs/X"}}}`}, nil},
		"many unions": {[]string{unions, unions, plain}, []int{1}},
		"twenty-two":  {slicesOf(22, plain), []int{20, 21}},
		"elsewhere":   {[]string{`{"type":"object","properties":{"n":{"$ref":"https://x/y.json"}}}`}, nil},
	} {
		chat := llm.Chat{Messages: []llm.Message{said(llm.RoleUser, llm.Text{Text: "hi"})}}
		for i, s := range tt.schemas {
			chat.Tools = append(chat.Tools, llm.Tool{Name: fmt.Sprintf("t%d", i), Schema: []byte(s), Strict: new(true)})
		}
		out, losses, err := Codec{}.EncodeRequest(&chat, llm.Target{Model: "claude-opus-4-8", Issuer: issuer})
		if err != nil {
			t.Fatal(err)
		}
		var lax []int
		for i := range tt.schemas {
			for _, l := range losses {
				if l.Path == fmt.Sprintf("tools.%d.strict", i) {
					lax = append(lax, i)
				}
			}
		}
		if fmt.Sprint(lax) != fmt.Sprint(tt.lax) || strings.Count(string(out), `"strict":true`) != len(tt.schemas)-len(lax) {
			t.Errorf("%s: %v is not strict, want %v: %s", name, lax, tt.lax, out)
		}
	}
}

func slicesOf(n int, s string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

func TestUnionsAtTheTop(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"object","properties":{"a":{}},"required":["a"]}`: `{"type":"object","properties":{"a":{}},"required":["a"]}`,
		`{"description":"D","oneOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"a":{"type":"null"},"b":{}}}]}`: `{"properties":{"a":{"type":"string"},"b":{}},` +
			`"description":"D {oneOf: [{\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"]},{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{}}}]}","type":"object"}`,
		`{"type":"object","properties":{"a":{}},"anyOf":[{"required":["a"]}],"$defs":{"D":{"anyOf":[]}}}`: `{"type":"object","$defs":{"D":{"anyOf":[]}},"properties":{"a":{}},"description":"{anyOf: [{\"required\":[\"a\"]}]}"}`,
	} {
		e := &encoder{}
		if got := string(e.inputSchema([]byte(in), "tools.0.parameters")); got != want || (len(e.losses) > 0) != (in != want) {
			t.Errorf("%s\nbecame %s\nwant   %s (%v)", in, got, want, e.losses)
		}
	}
}
