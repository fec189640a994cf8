// Package corpus reads the recorded provider traffic that the codecs are tested against. It is a package of its own, and not a
// _test file, so that the tests of several codecs can share it; only tests import it.
//
// The recordings are not part of the repository. The environment variable TIDEGATE_SHARED names the folder that holds them;
// tests skip without it. TIDEGATE_CORPUS names another part of the recordings than "dev".
package corpus

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Record is one recorded exchange.
type Record struct {
	ID               string            `json:"id"`
	Provider         string            `json:"provider"`
	Surface          string            `json:"surface"`
	Method           string            `json:"method"`
	Path             string            `json:"path"`
	Query            string            `json:"query"`
	RequestHeaders   map[string]string `json:"request_headers"`
	RequestEncoding  string            `json:"request_encoding"` // json, multipart, text, base64, none
	RequestBody      jsontext.Value    `json:"request_body"`
	Status           int               `json:"status"`
	ResponseHeaders  map[string]string `json:"response_headers"`
	ResponseEncoding string            `json:"response_encoding"` // utf8, base64
	ResponseBody     string            `json:"response_body"`
	Streaming        bool              `json:"streaming"`
	Framing          string            `json:"framing"` // sse, eventstream, ndjson, json-array, ws-jsonl, or empty
	ChunkSizes       []int             `json:"chunk_sizes"`
	Model            string            `json:"model"`
	Features         []string          `json:"features"`
	Facts            Facts             `json:"facts"`
	Key              string            `json:"ir_key"` // the same conversation has the same key on every surface
	Notes            []string          `json:"notes"`  // what the recorder changed
}

// Facts is what an independent decoder found in the answer, of its first alternative.
type Facts struct {
	Text      string                    `json:"text"`
	Reasoning string                    `json:"reasoning"`
	Calls     []Call                    `json:"tool_calls"`
	Server    []jsontext.Value          `json:"server_tools"`
	Finish    []jsontext.Value          `json:"finish"` // the provider's words, of all alternatives; Gemini's may be numbers
	Stop      string                    `json:"stop_sequence"`
	Usage     map[string]float64        `json:"usage"` // input, output, total, cached, cache_write(_5m/_1h), reasoning, cost, …
	Model     string                    `json:"model"`
	ID        string                    `json:"id"`
	Choices   int                       `json:"choices"`
	Error     map[string]jsontext.Value `json:"error"`
	Anomalies []string                  `json:"anomalies"`
	Audio     bool                      `json:"audio_out"`
	Rest      map[string]jsontext.Value `json:",embed"`
}

// Call is a tool call in Facts. Arguments is the parsed JSON, or a string when the model wrote none that parses.
type Call struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Arguments jsontext.Value `json:"arguments"`
	Partial   bool           `json:"partial"`
	Legacy    bool           `json:"legacy"` // function_call
}

// Body is the answer's bytes.
func (r *Record) Body(t testing.TB) []byte {
	t.Helper()
	if r.ResponseEncoding != "base64" {
		return []byte(r.ResponseBody)
	}
	b, err := base64.StdEncoding.DecodeString(r.ResponseBody)
	if err != nil {
		t.Fatalf("%s: %v", r.ID, err)
	}
	return b
}

// Shared is the folder of the recordings and schemas. The test is skipped when none is named, and fails when it is missing.
func Shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TIDEGATE_SHARED")
	if dir == "" {
		t.Skip("TIDEGATE_SHARED is not set: 0 recordings tested")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Part is the folder of recordings that is read: "dev" unless the environment names another.
func Part() string {
	if p := os.Getenv("TIDEGATE_CORPUS"); p != "" {
		return p
	}
	return "dev"
}

// Read returns all records of a surface, in the order of the files.
func Read(t testing.TB, surface string) []*Record {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Shared(t), "corpus", Part(), "*-"+surface+"*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of %s: %v", surface, err)
	}
	var all []*Record
	for _, name := range files {
		err := readFile(name, func(r *Record) {
			if r.Surface == surface {
				all = append(all, r)
			}
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}

func readFile(name string, f func(*Record)) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := bufio.NewReaderSize(file, 1<<20); ; {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			r := new(Record)
			if err := json.Unmarshal(line, r, jsontext.AllowInvalidUTF8(true)); err != nil {
				return err
			}
			f(r)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Schema compiles one of the relaxed schemas, which real replies satisfy: "openai-chat", "anthropic-event", ….
func Schema(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(Shared(t), "specs", "relaxed", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Validate checks a document against a schema.
func Validate(s *jsonschema.Schema, doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// Canonical is the document with sorted members and without white space, for comparing (RFC 8785); "" for no document.
func Canonical(t testing.TB, doc []byte) string {
	t.Helper()
	if len(doc) == 0 {
		return ""
	}
	v := jsontext.Value(bytes.Clone(doc))
	if err := v.Canonicalize(); err != nil {
		t.Fatalf("%v: %.200s", err, doc)
	}
	return string(v)
}
