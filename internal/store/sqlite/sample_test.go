package sqlite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func openLog(t testing.TB) *Log {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "tidegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db.Log()
}

// newID is a UUIDv7 of a time.
func newID(r *rand.Rand, at time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|uint64(r.Uint32()&0xffff))
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// sample is a record as a busy gateway makes them.
func sample(r *rand.Rand, at time.Time) *logs.Record {
	rec := &logs.Record{
		ID: newID(r, at), At: at, Surface: llm.OpenAIChat, Method: "POST", Path: "/v1/chat/completions",
		Org:     "acme",
		EndUser: fmt.Sprintf("u%d", r.IntN(50)), Session: pick(r, "", fmt.Sprintf("s%d", r.IntN(30))), Task: pick(r, "", "coding"),
		Tags: pick(r, nil, []string{"prod"}, []string{"prod", "eu"}), Trace: fmt.Sprintf("%032x", r.Uint64()),
		Span: fmt.Sprintf("%016x", r.Uint64()), Called: "gpt-4", Stream: r.IntN(2) == 0, Provider: "openai", Model: "gpt-4o",
		Route: "priority 1 of 2", Status: 200, Outcome: logs.OK, Cache: "miss", Stop: llm.StopEnd,
		FirstByte: time.Duration(r.IntN(900)+100) * time.Millisecond, Total: time.Duration(r.IntN(9000)+1000) * time.Millisecond,
		Overhead: 170 * time.Microsecond, BytesIn: 2000, BytesOut: 900,
	}
	n := r.IntN(20)
	rec.Key, rec.Team, rec.User = fmt.Sprintf("key_%02d", n), []string{"platform", "search", ""}[n%3], []string{"ada", "bob"}[n%2]
	if r.IntN(2) == 0 {
		rec.Metadata = []byte(fmt.Sprintf(`{"feature":"f%d","a \"quoted\" key":"x"}`, r.IntN(3)))
	}
	switch r.IntN(10) {
	case 0: // failed on the first provider, went to the second
		rec.Attempts = append(rec.Attempts, logs.Attempt{N: 1, Provider: "openai", Model: "gpt-4o", Credential: "main", At: at,
			Total: time.Second, Status: 500, Class: "overloaded", Code: "server_error", Sent: true, Cost: price.Cost{State: price.Free}})
		rec.Provider, rec.Model = "anthropic", "claude-sonnet-5"
	case 1: // from the cache
		rec.Cache, rec.Saved, rec.Provider, rec.Model = "hit", 12_345, "", ""
		return rec
	case 2:
		rec.Outcome, rec.Status, rec.Class, rec.Code = logs.Failed, 429, "rate_limited", "rate_limit_exceeded"
		rec.Message = "Too many requests for 100% of the tokens_per_minute"
		rec.Dropped = []string{"logit_bias"}
	}
	a := logs.Attempt{N: len(rec.Attempts) + 1, Provider: rec.Provider, Model: rec.Model, Credential: "main", At: at.Add(time.Millisecond),
		FirstByte: rec.FirstByte, Total: rec.Total, Status: rec.Status, Sent: true, Cost: price.Cost{Nano: 4_200_000, State: price.Priced, Version: "2026-11-01"}}
	a.Usage.N[llm.InputText] = int64(r.IntN(2000))
	a.Usage.N[llm.InputCacheRead] = int64(r.IntN(3)) * 1000
	a.Usage.N[llm.InputCacheWrite5m] = int64(r.IntN(2)) * 100
	a.Usage.N[llm.OutputText] = int64(r.IntN(500))
	a.Usage.N[llm.OutputReasoning] = int64(r.IntN(100))
	a.Usage.Tier = "default"
	a.Usage.Raw = []byte(`{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500,"prompt_tokens_details":{"cached_tokens":1000}}`)
	if r.IntN(10) == 0 {
		a.Cost = price.Cost{State: price.Unpriced, Version: "2026-11-01"}
		a.Usage.Source = llm.Partial
	}
	rec.Attempts = append(rec.Attempts, a)
	return rec
}

// samples are n records, one a minute with a little jitter, newest last.
func samples(seed uint64, n int) []*logs.Record {
	r := rand.New(rand.NewPCG(seed, 1))
	list := make([]*logs.Record, n)
	for i := range list {
		list[i] = sample(r, start.Add(time.Duration(i)*time.Minute+time.Duration(r.IntN(5000))*time.Millisecond))
	}
	return list
}

func put(t testing.TB, s logs.Store, records []*logs.Record) {
	t.Helper()
	if err := s.Put(t.Context(), &logs.Batch{Records: records}); err != nil {
		t.Fatal(err)
	}
}
