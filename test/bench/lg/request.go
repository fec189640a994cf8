package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// texts is how many different prompts there are when prompts are padded: a log that compresses must not get the same one over and over.
const texts = 64

// requests writes out the requests of a run.
func requests(o options, target *url.URL) [][]byte {
	n := 1
	switch {
	case o.talk:
		n = o.conns
	case o.pad > 0:
		n = texts
	}
	list := make([][]byte, n)
	for i := range list {
		body := document(o, rand.New(rand.NewPCG(1, uint64(i))))
		var b bytes.Buffer
		fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lg/1\r\nAccept: */*\r\nContent-Type: application/json\r\n", target.RequestURI(), target.Host)
		for _, h := range o.headers {
			b.WriteString(h + "\r\n")
		}
		if o.talk {
			fmt.Fprintf(&b, "X-Tidegate-Session: conversation-%d\r\n", i)
		}
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		list[i] = b.Bytes()
	}
	return list
}

// document is a chat request as SDKs write it.
func document(o options, random *rand.Rand) string {
	stream := ""
	if o.stream {
		stream = `"stream":true,"stream_options":{"include_usage":true},`
	}
	prompt, _ := json.Marshal(prose(o.pad, random) + "What does an AI gateway do? Answer in two sentences. " + turn) // a string cannot fail
	return `{"model":"` + o.model + `",` + stream + `"messages":[{"role":"system","content":"You are a helpful assistant."},` +
		`{"role":"user","content":` + string(prompt) + `}],"temperature":0.7,"max_tokens":256}`
}

// turn is what changes within a conversation.
const turn = "Turn 00000000."

// setTurn writes a number into a text.
func setTurn(text []byte, n int64) {
	at := bytes.LastIndex(text, []byte(turn[:len("Turn ")])) + len("Turn ")
	copy(text[at:], fmt.Sprintf("%08d", n%1e8))
}

// words of which prose is made. It compresses to about a third, as English does.
var words = strings.Fields(`the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which
	one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can
	only other time new some could these two may first then do any like my now over such our man me even most made after also did many
	off before must well back through years much where your way down should because long each just state those people too mr how little
	good world make very year still see work life men day under own between never last while might great since against go came right
	used take three himself few house use during without again place old around however small found mrs thought went say part once
	general high upon school every gateway provider upstream request response token prompt model function return package error
	interface context deployment latency throughput database transaction authentication configuration`)

// prose is about n bytes of text, with the escapes that prompts have: quotes and new lines.
func prose(n int, random *rand.Rand) string {
	var b strings.Builder
	for b.Len() < n {
		w := words[random.IntN(len(words))]
		switch random.IntN(24) {
		case 0:
			w = `"` + w + `"`
		case 1:
			w += ".\n"
		case 2:
			w = fmt.Sprintf("%s_%d", w, random.IntN(10000))
		}
		b.WriteString(w + " ")
	}
	return b.String()
}
