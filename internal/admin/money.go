package admin

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tidegate/internal/logs"
)

type spendQuery struct {
	Picks
	GroupBy  string `query:"group_by" default:"model" doc:"up to four of key, team, user, end_user, model, called, provider, endpoint, session, task, tag, day, hour, metadata.X, with commas"`
	Timezone string `query:"timezone" doc:"where days begin; UTC without it"`
}

type spendReply struct {
	Body struct {
		Items []map[string]any `json:"items" doc:"the dimensions by name, and requests, errors, attempts, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, saved_usd, unpriced (attempts that are not in cost_usd)"`
		Next  *string          `json:"next"`
	}
}

type usageQuery struct {
	Picks
	Bucket   string `query:"bucket" enum:"hour,day" default:"hour"`
	Timezone string `query:"timezone" doc:"where days begin; UTC without it"`
}

// Point is one bucket of the time series.
type Point struct {
	At           time.Time        `json:"at"`
	Requests     int64            `json:"requests"`
	Errors       int64            `json:"errors"`
	InputTokens  int64            `json:"input_tokens"`
	OutputTokens int64            `json:"output_tokens"`
	Usage        map[string]int64 `json:"usage" doc:"by meter"`
	CostUSD      string           `json:"cost_usd"`
	Unpriced     int64            `json:"unpriced" doc:"attempts that are not in cost_usd"`
	P50MS        float64          `json:"p50_ms"`
	P95MS        float64          `json:"p95_ms"`
	FirstP50MS   float64          `json:"first_byte_p50_ms"`
	FirstP95MS   float64          `json:"first_byte_p95_ms"`
}

func (s *server) money(api huma.API) {
	huma.Get(api, "/admin/v1/spend", s.spend, describe("Who spent what."))
	huma.Get(api, "/admin/v1/usage", s.usage, describe("Requests, tokens, cost and latency over time."))
}

func zone(name string) (*time.Location, error) {
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil, huma.Error400BadRequest("unknown timezone")
	}
	return z, nil
}

func (s *server) spend(ctx context.Context, in *spendQuery) (*spendReply, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	z, err := zone(in.Timezone)
	if err != nil {
		return nil, err
	}
	rows, err := s.Logs.Spend(ctx, logs.SpendQuery{Filter: f, GroupBy: strings.Split(in.GroupBy, ","), Zone: z})
	if err != nil {
		return nil, failed(err)
	}
	out := &spendReply{}
	out.Body.Items = make([]map[string]any, len(rows))
	for i := range rows {
		out.Body.Items[i] = SpendOf(&rows[i])
	}
	return out, nil
}

// SpendOf shows one group.
func SpendOf(r *logs.SpendRow) map[string]any {
	m := map[string]any{
		"requests": r.Requests, "errors": r.Errors, "attempts": r.Attempts,
		"input_tokens": r.InputTokens, "output_tokens": r.OutputTokens,
		"cache_read_tokens": r.CacheReadTokens, "cache_write_tokens": r.CacheWriteTokens,
		"cost_usd": r.Cost.String(), "saved_usd": r.Saved.String(), "unpriced": r.Unpriced,
	}
	for name, value := range r.Dims {
		m[name] = value
	}
	return m
}

func (s *server) usage(ctx context.Context, in *usageQuery) (*list[Point], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	z, err := zone(in.Timezone)
	if err != nil {
		return nil, err
	}
	if f.From.IsZero() {
		f.From = time.Now().Add(-24 * time.Hour)
	}
	bucket := time.Hour
	if in.Bucket == "day" {
		bucket = 24 * time.Hour
	}
	points, err := s.Logs.Usage(ctx, logs.UsageQuery{Filter: f, Bucket: bucket, Zone: z})
	if err != nil {
		return nil, failed(err)
	}
	out := &list[Point]{}
	out.Body.Items = make([]Point, len(points))
	for i := range points {
		out.Body.Items[i] = pointOf(&points[i])
	}
	return out, nil
}
