package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests speak of logs.Store only, so that they can judge another store as well.

func TestRoundTripAndTwice(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(1, 200)
	put(t, s, records)
	put(t, s, records) // as after a crash
	put(t, s, append(slices.Clone(records[100:]), samples(2, 5)...))
	for _, want := range records {
		got, err := s.Get(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, &got.Record); diff != "" {
			t.Fatal(diff)
		}
	}
	if n, err := s.Count(t.Context(), logs.Filter{}); n != 205 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	var attempts int64
	for _, r := range records {
		attempts += int64(len(r.Attempts))
	}
	rows, err := s.Spend(t.Context(), logs.SpendQuery{Filter: logs.Filter{To: start.Add(200 * time.Minute)}})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, id := range []string{"", "nonsense", "019abcde-0000-7000-8000-000000000001"} {
		if _, err := s.Get(t.Context(), id); !errors.Is(err, logs.ErrNotFound) {
			t.Fatalf("%q: %v", id, err)
		}
	}
}

// filters draws filters that pick something, most of the time.
func filters(t *rapid.T, records []*logs.Record) (f logs.Filter) {
	r := rapid.SampledFrom(records).Draw(t, "record")
	maybe := func(name string) bool { return rapid.IntRange(0, 5).Draw(t, name) == 0 }
	for name, set := range map[string]func(){
		"key": func() { f.Key = r.Key }, "org": func() { f.Org = r.Org }, "team": func() { f.Team = r.Team },
		"user": func() { f.User = r.User }, "end_user": func() { f.EndUser = r.EndUser },
		"provider": func() { f.Provider = r.Provider }, "model": func() { f.Model = r.Model },
		"called": func() { f.Called = r.Called }, "path": func() { f.Path = r.Path }, "session": func() { f.Session = r.Session },
		"task": func() { f.Task = r.Task }, "trace": func() { f.Trace = r.Trace }, "outcome": func() { f.Outcome = r.Outcome },
		"status": func() { f.Status = r.Status }, "class": func() { f.Class = r.Class }, "cache": func() { f.Cache = r.Cache },
		"from": func() { f.From = r.At }, "to": func() { f.To = r.At.Add(time.Hour) },
		"tag": func() { f.Tag = rapid.SampledFrom([]string{"prod", "eu", "none"}).Draw(t, "which tag") },
		"metadata": func() {
			f.MetadataKey = rapid.SampledFrom([]string{"feature", `a "quoted" key`, "$"}).Draw(t, "which key")
		},
		"value": func() { f.MetadataKey, f.MetadataValue = "feature", "f1" },
		"text": func() {
			f.Text = rapid.SampledFrom([]string{r.ID, strings.ToUpper(r.ID), "TOKENS_per", "100%", "_", "%"}).Draw(t, "which text")
		},
	} {
		if maybe(name) {
			set()
		}
	}
	return f
}

// TestFiltersAgree compares what the store picks with what Match says, and pages with the whole.
func TestFiltersAgree(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(3, 150)
	records = append(records, sample(rand.New(rand.NewPCG(9, 9)), records[7].At)) // two at the same time
	put(t, s, records)
	slices.SortFunc(records, func(a, b *logs.Record) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	rapid.Check(t, func(t *rapid.T) {
		f := filters(t, records)
		var want, got []string
		for _, r := range records {
			if f.Match(r) {
				want = append(want, r.ID)
			}
		}
		q := logs.Query{Filter: f, Limit: rapid.IntRange(5, 60).Draw(t, "limit")}
		for {
			page, err := s.List(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Items {
				got = append(got, r.ID)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
			if len(page.Items) != q.Limit {
				t.Fatalf("%d items on a page of %d that has a next", len(page.Items), q.Limit)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: %s", f, diff)
		}
		n, err := s.Count(context.Background(), f)
		if err != nil || int(n) != len(want) {
			t.Fatalf("count %d, %v; want %d", n, err, len(want))
		}
	})
}

// dimsOf says in Go under which values of a dimension a record counts.
func dimsOf(dim string, r *logs.Record, provider, model string, zone *time.Location) []string {
	switch dim {
	case "key":
		return []string{r.Key}
	case "team":
		return []string{r.Team}
	case "session":
		return []string{r.Session}
	case "provider":
		return []string{provider}
	case "model":
		return []string{model}
	case "endpoint":
		return []string{r.Path}
	case "tag":
		if len(r.Tags) == 0 {
			return []string{""}
		}
		return r.Tags
	case "day":
		return []string{r.At.In(zone).Format(time.DateOnly)}
	case "hour":
		return []string{r.At.Truncate(time.Hour).Format(time.RFC3339)}
	case "metadata.feature":
		for i := range 3 {
			if bytes.Contains(r.Metadata, fmt.Appendf(nil, `"feature":"f%d"`, i)) {
				return []string{fmt.Sprintf("f%d", i)}
			}
		}
		return []string{""}
	}
	panic(dim)
}

// TestSpendAgrees compares spend with sums made in Go, for any grouping, filter and zone.
func TestSpendAgrees(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(4, 500)
	put(t, s, records)
	dims := []string{"key", "team", "session", "provider", "model", "endpoint", "tag", "day", "hour", "metadata.feature"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "America/New_York", "Asia/Kathmandu"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		q := logs.SpendQuery{Zone: zone, GroupBy: rapid.SliceOfNDistinct(rapid.SampledFrom(dims), 1, 3, rapid.ID).Draw(t, "by")}
		if rapid.Bool().Draw(t, "filtered") {
			q.Filter = filters(t, records)
		}
		want := map[string]*logs.SpendRow{}
		add := func(r *logs.Record, provider, model string, fn func(*logs.SpendRow)) {
			keys := []string{""}
			for _, dim := range q.GroupBy {
				var next []string
				for _, v := range dimsOf(dim, r, provider, model, zone) {
					for _, k := range keys {
						next = append(next, k+"|"+v)
					}
				}
				keys = next
			}
			for _, k := range keys {
				if want[k] == nil {
					want[k] = &logs.SpendRow{}
				}
				fn(want[k])
			}
		}
		for _, r := range records {
			if q.Match(r) {
				add(r, r.Provider, r.Model, func(row *logs.SpendRow) {
					row.Requests++
					row.Saved += r.Saved
					if r.Outcome == logs.Failed || r.Outcome == logs.Truncated {
						row.Errors++
					}
				})
			}
			for _, a := range r.Attempts {
				as := *r
				as.Provider, as.Model = a.Provider, a.Model
				if q.Match(&as) {
					add(r, a.Provider, a.Model, func(row *logs.SpendRow) {
						row.Attempts++
						row.InputTokens += a.Usage.Input()
						row.OutputTokens += a.Usage.Output()
						row.CacheReadTokens += a.Usage.N[llm.InputCacheRead]
						row.CacheWriteTokens += a.Usage.CacheWrite()
						row.Cost += a.Cost.Nano
						if a.Cost.State == price.Unpriced {
							row.Unpriced++
						}
					})
				}
			}
		}
		rows, err := s.Spend(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) > logs.MaxLimit {
			t.Skip("more groups than a page")
		}
		got := map[string]*logs.SpendRow{}
		for i, row := range rows {
			key := ""
			for _, dim := range q.GroupBy {
				key += "|" + row.Dims[dim]
			}
			if i > 0 && rows[i-1].Cost < row.Cost {
				t.Fatal("the dearest does not come first")
			}
			row.Dims = nil
			got[key] = &row
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: %s", q, diff)
		}
	})
}

func TestSpendRefuses(t *testing.T) {
	s := openLog(t)
	for _, by := range [][]string{{"password"}, {"metadata."}, {"key", "team", "user", "org", "model"}} {
		if _, err := s.Spend(t.Context(), logs.SpendQuery{GroupBy: by}); !errors.Is(err, logs.ErrQuery) {
			t.Errorf("%v: %v", by, err)
		}
	}
	if _, err := s.List(t.Context(), logs.Query{Cursor: "xyz"}); !errors.Is(err, logs.ErrQuery) {
		t.Error(err)
	}
	if _, err := s.Usage(t.Context(), logs.UsageQuery{Bucket: time.Hour}); !errors.Is(err, logs.ErrQuery) {
		t.Error(err)
	}
	rows, err := s.Spend(t.Context(), logs.SpendQuery{})
	if len(rows) != 0 || err != nil {
		t.Errorf("%v, %v", rows, err)
	}
}

// TestUsageSeries adds a series up and compares it with spend, over a change of the clocks.
func TestUsageSeries(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(5, 3700)
	put(t, s, records)
	zone, err := time.LoadLocation("America/New_York") // leaves daylight saving time on 1 November 2026
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	for _, q := range []logs.UsageQuery{
		{Bucket: day, Zone: zone}, {Bucket: day}, {Bucket: time.Hour}, {Bucket: day, Zone: zone, Filter: logs.Filter{Provider: "anthropic"}},
	} {
		q.From, q.To = start.Add(30*time.Minute), start.Add(60*time.Hour)
		points, err := s.Usage(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		dim := "day"
		if q.Bucket == time.Hour {
			dim = "hour"
		}
		rows, err := s.Spend(t.Context(), logs.SpendQuery{Filter: q.Filter, Zone: q.Zone, GroupBy: []string{dim}})
		if err != nil {
			t.Fatal(err)
		}
		spend := map[string]logs.SpendRow{}
		for _, r := range rows {
			spend[r.Dims[dim]] = r
		}
		zone := q.Zone
		if zone == nil {
			zone = time.UTC
		}
		for i, p := range points {
			name := p.Start.In(zone).Format(time.DateOnly)
			if dim == "hour" {
				name = p.Start.Format(time.RFC3339)
			}
			if h, m, sec := p.Start.In(zone).Clock(); m+sec != 0 || dim == "day" && h != 0 {
				t.Fatalf("a bucket begins at %v", p.Start)
			}
			if i > 0 && !points[i-1].Start.Before(p.Start) {
				t.Fatalf("%v after %v", p.Start, points[i-1].Start)
			}
			u := llm.Usage{N: p.Meters}
			got := logs.SpendRow{Requests: p.Requests, Errors: p.Errors, InputTokens: u.Input(), OutputTokens: u.Output(), Cost: p.Cost,
				Unpriced: p.Unpriced, Saved: p.Saved, CacheReadTokens: u.N[llm.InputCacheRead], CacheWriteTokens: u.CacheWrite()}
			want := spend[name]
			want.Dims, want.Attempts = nil, 0
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
			delete(spend, name)
			if p.Requests > 20 && (p.Latency.P50 < 2*time.Second || p.Latency.P50 > 9*time.Second || p.Latency.P95 <= p.Latency.P50) {
				t.Fatalf("latency %v", p.Latency)
			}
		}
		if len(spend) != 0 {
			t.Fatalf("no bucket for %v", spend)
		}
	}
}

// TestQuantiles compares with exact ones.
func TestQuantiles(t *testing.T) {
	var s logs.Store = openLog(t)
	r := rand.New(rand.NewPCG(6, 6))
	var all []time.Duration
	var records []*logs.Record
	for i := range 1000 {
		rec := sample(r, start.Add(time.Duration(i)*time.Millisecond))
		rec.Total = time.Duration(1+r.ExpFloat64()*float64(time.Second)) + time.Microsecond
		if rec.Outcome == logs.OK {
			all = append(all, rec.Total)
		}
		records = append(records, rec)
	}
	put(t, s, records)
	slices.Sort(all)
	points, err := s.Usage(t.Context(), logs.UsageQuery{Filter: logs.Filter{From: start, To: start.Add(time.Hour)}, Bucket: time.Hour})
	if err != nil || len(points) != 1 {
		t.Fatalf("%v, %v", points, err)
	}
	for _, c := range []struct {
		got, want time.Duration
	}{{points[0].Latency.P50, all[len(all)/2]}, {points[0].Latency.P95, all[len(all)*95/100]}} {
		if ratio := float64(c.got) / float64(c.want); ratio < 0.95 || ratio > 1.05 {
			t.Errorf("%v, exactly %v", c.got, c.want)
		}
	}
}

// capture is a store that keeps the batches it is given.
type capture struct {
	*Log
	batches chan *logs.Batch
}

func (c *capture) Put(_ context.Context, b *logs.Batch) error {
	c.batches <- b
	return nil
}

// packed lets a journal pack bodies, to get a chunk of them.
func packed(t *testing.T, b *logs.Bodies) logs.Chunk {
	t.Helper()
	sp, err := spool.Open(t.TempDir(), spool.Options{Reserve: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	c := &capture{batches: make(chan *logs.Batch, 1)}
	j := logs.New(sp, c, logs.Options{KeepBodies: -1, KeepRecords: -1})
	if err := j.Add(samples(1, 1)[0], b); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is left is stored all the same
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return (<-c.batches).Chunks[0]
}

func withBodies(t *testing.T, s logs.Store, rec *logs.Record, c logs.Chunk) {
	t.Helper()
	c.At, c.Refs = rec.At, []logs.BodyRef{{ID: rec.ID, Offset: c.Refs[0].Offset, Length: c.Refs[0].Length}}
	rec.Bodies = true
	if err := s.Put(t.Context(), &logs.Batch{Records: []*logs.Record{rec}, Chunks: []logs.Chunk{c}}); err != nil {
		t.Fatal(err)
	}
}

func TestPrune(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(7, 100)
	chunk := packed(t, &logs.Bodies{Request: []byte("request"), Response: []byte("response")})
	for _, rec := range records {
		withBodies(t, s, rec, chunk)
	}
	bodies := func() (n int) {
		page, err := s.List(t.Context(), logs.Query{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			e, err := s.Get(t.Context(), r.ID)
			if err != nil || (e.Bodies != nil) != r.Bodies {
				t.Fatalf("listed %v, got %v, %v", r.Bodies, e, err)
			}
			if e.Bodies != nil {
				n++
			}
		}
		return n
	}
	prune := func(records, bodies time.Time) (steps int) {
		for more := true; more; steps++ {
			var err error
			if more, err = s.Prune(t.Context(), records, bodies, 8); err != nil {
				t.Fatal(err)
			}
		}
		return steps
	}
	count := func() int64 {
		n, err := s.Count(t.Context(), logs.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	spent := func() price.Nano {
		rows, err := s.Spend(t.Context(), logs.SpendQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return rows[0].Cost
	}
	before := spent()
	if prune(time.Time{}, time.Time{}); bodies() != 100 {
		t.Fatal("zero times delete nothing")
	}
	if steps := prune(time.Time{}, records[40].At); steps < 5 || bodies() != 60 || count() != 100 || spent() != before {
		t.Fatalf("%d bodies, %d records, %v spent, %d steps", bodies(), count(), spent(), steps)
	}
	prune(records[70].At, records[40].At)
	if bodies() != 30 || count() != 30 {
		t.Fatalf("%d bodies, %d records", bodies(), count())
	}
	prune(records[99].At.Add(time.Hour), records[99].At.Add(time.Hour))
	if rows, err := s.Spend(t.Context(), logs.SpendQuery{}); len(rows) != 0 || err != nil {
		t.Fatalf("left: %v, %v", rows, err)
	}
}

// TestDeletedIsGone looks into the files.
func TestDeletedIsGone(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), filepath.Join(dir, "tidegate.db"))
	if err != nil {
		t.Fatal(err)
	}
	rec := samples(8, 1)[0]
	rec.Message = "canary-message"
	withBodies(t, db.Log(), rec, packed(t, &logs.Bodies{Request: []byte("canary-body")}))
	if _, err := db.Log().Prune(t.Context(), rec.At.Add(1), rec.At.Add(1), 10); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("canary")) {
			t.Errorf("%s still has it", f.Name())
		}
	}
}

// TestNastyRecords: what a client can put into a record must never make the store refuse it, which would hold up all that
// come after, nor break the queries that look into it.
func TestNastyRecords(t *testing.T) {
	var s logs.Store = openLog(t)
	records := samples(9, 8)
	for i, metadata := range []string{`{"a":1}`, `[1]`, `not json`, `{"a":"b","a":"c"}`, "{\"a\":\"\xff\"}", `{"a":"\u0000"}`, `{}`, `null`} {
		r := records[i]
		r.Metadata, r.Tags = []byte(metadata), []string{"\xff", "a\x00b", `"`, ""}
		r.Message, r.Key, r.Session = "\xff\x00'\"; DROP TABLE ledger", "\x00", "\xff"
		r.Attempts = append(r.Attempts, logs.Attempt{N: 9})
		r.Attempts[0].Usage.Raw = []byte("<html>")
	}
	put(t, s, records)
	page, err := s.List(t.Context(), logs.Query{Filter: logs.Filter{Tag: `"`, Text: "'\"; drop"}})
	if err != nil || len(page.Items) != 8 || string(page.Items[2].Metadata) != `{"a":"\u0000"}` || page.Items[0].Message != records[7].Message {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, by := range logs.Dims {
		if _, err := s.Spend(t.Context(), logs.SpendQuery{GroupBy: []string{by, "metadata.a", `metadata.$"'`}}); err != nil {
			t.Errorf("%s: %v", by, err)
		}
	}
}
