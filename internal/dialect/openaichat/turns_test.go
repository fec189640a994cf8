package openaichat

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidegate/internal/llm"
)

// The media of a result that answers no call go along with its text.
func TestOrphanMedia(t *testing.T) {
	got, losses, err := Codec{}.EncodeRequest(&llm.Chat{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
		llm.Result{CallID: "3", Name: "h", Parts: []llm.Part{llm.Text{Text: "see"}, llm.Media{Type: "image/png", Data: []byte{0, 0, 0}}}}, llm.Text{Text: "x"},
	}}}}, llm.Target{Model: "m"})
	if err != nil || len(losses) != 1 || losses[0].Path != "messages.0.content.0" || losses[0].Grave {
		t.Fatalf("%v, %+v", err, losses)
	}
	want := `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"Result of a tool call (h 3)\nsee"},` +
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"text","text":"x"}]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// A cache mark on an assistant's message is one on the last of its parts that can have one.
func TestMarkOnAssistant(t *testing.T) {
	chat, err := Codec{}.DecodeRequest([]byte(`{"model":"m","messages":[{"role":"user","content":"q"},` +
		`{"role":"assistant","content":"a","cache_control":{"type":"ephemeral"}},` +
		`{"role":"assistant","content":"b","cache_control":{"type":"ephemeral"},"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
		`{"role":"assistant","content":"c","cache_control":{"type":"ephemeral"},"audio":{"id":"x"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	mark := new(llm.CacheMark)
	want := [][]llm.Part{
		{llm.Text{Text: "a", Mark: mark}},
		{llm.Text{Text: "b"}, llm.Call{ID: "1", Name: "f", Args: "{}", Mark: mark}},
		{llm.Text{Text: "c", Mark: mark}, llm.Opaque{From: own, Kind: "audio", Raw: []byte(`{"id":"x"}`)}},
	}
	for i, w := range want {
		if diff := cmp.Diff(w, chat.Messages[i+1].Parts); diff != "" {
			t.Error(diff)
		}
	}
}
