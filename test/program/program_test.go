// Package program sees the whole program as its users do: as a process with a command line, files, signals and HTTP.
package program

import (
	"net/url"
	"testing"

	"tidegate/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	hello = `{"model":"demo/chat","messages":[{"role":"user","content":"Hello!"}]}`
	chat  = "/v1/chat/completions"
)

// ask is a chat request in OpenAI's shape.
func ask(model string, stream bool) string {
	if stream {
		return `{"model":"` + model + `","stream":true,"messages":[{"role":"user","content":"Tell me about the sea."}]}`
	}
	return `{"model":"` + model + `","messages":[{"role":"user","content":"Tell me about the sea."}]}`
}

func escape(s string) string { return url.QueryEscape(s) }
