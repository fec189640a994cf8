package corpus

import "testing"

func TestRead(t *testing.T) {
	records := Read(t, "openai-chat")
	withCalls := 0
	for _, r := range records {
		if r.Surface != "openai-chat" || r.ID == "" || r.Status == 0 || len(r.Body(t)) == 0 && len(r.Facts.Anomalies) == 0 {
			t.Errorf("incomplete record %+v", r)
		}
		if len(r.Facts.Calls) > 0 {
			withCalls++
		}
	}
	t.Logf("%d records, %d with tool calls", len(records), withCalls)
	if withCalls == 0 {
		t.Error("no record has tool calls")
	}
}

func TestSchema(t *testing.T) {
	s := Schema(t, "openai-chat")
	if err := Validate(s, []byte(`{"id":1}`)); err == nil {
		t.Error("an invalid reply passes")
	}
}

func TestCanonical(t *testing.T) {
	if got := Canonical(t, []byte(`{"b": [1.0, "é"], "a": null}`)); got != `{"a":null,"b":[1,"é"]}` {
		t.Error(got)
	}
}
