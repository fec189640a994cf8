package sqlite

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tidegate/internal/logs"
	"tidegate/internal/price"
)

const day = 24 * time.Hour

// dayExpr numbers the calendar days of a zone: the local time in days since 1970. Between two of its changes a zone is a fixed
// offset; SQLite is told each. hours says that all of its days begin with an hour of UTC.
func dayExpr(zone *time.Location, from, to time.Time) (expr string, hours bool) {
	if zone == nil {
		zone = time.UTC
	}
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	if to.IsZero() {
		to = time.Now().AddDate(1, 0, 0)
	}
	var cases strings.Builder
	hours = true
	t := from.In(zone)
	for {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		hours = hours && offset%3600 == 0
		if end.IsZero() || !end.Before(to) {
			if cases.Len() == 0 {
				return fmt.Sprintf("(x.at + %d) / %d", int64(offset)*1e9, int64(day)), hours
			}
			return fmt.Sprintf("(x.at + CASE %s ELSE %d END) / %d", cases.String(), int64(offset)*1e9, int64(day)), hours
		}
		fmt.Fprintf(&cases, "WHEN x.at < %d THEN %d ", end.UnixNano(), int64(offset)*1e9)
		t = end
	}
}

// bucketStart is when a numbered day or hour begins.
func bucketStart(number string, size time.Duration, zone *time.Location) time.Time {
	n, _ := strconv.ParseInt(number, 10, 64) // the database has made it of a number
	if size == time.Hour {
		return time.Unix(n*3600, 0).UTC()
	}
	return time.Date(1970, 1, 1+int(n), 0, 0, 0, 0, zone)
}

// series is a usage query with its gaps filled in.
type series struct {
	expr   string
	hours  bool // buckets are made of whole hours
	starts []time.Time
	index  map[string]int // by number of the bucket
}

func newSeries(q *logs.UsageQuery, now time.Time) (*series, error) {
	if q.Zone == nil {
		q.Zone = time.UTC
	}
	if q.To.IsZero() {
		q.To = now
	}
	switch {
	case q.From.IsZero() || !q.From.Before(q.To):
		return nil, fmt.Errorf("%w: from must be given, and before to", logs.ErrQuery)
	case q.Bucket != time.Hour && q.Bucket != day:
		return nil, fmt.Errorf("%w: a bucket is an hour or a day", logs.ErrQuery)
	case q.To.Sub(q.From)/q.Bucket >= logs.MaxLimit:
		return nil, fmt.Errorf("%w: more than %d buckets", logs.ErrQuery, logs.MaxLimit)
	}
	s := &series{expr: "x.at / 3600000000000", hours: true, index: map[string]int{}}
	first := q.From.Unix() / 3600
	if q.Bucket == day {
		s.expr, s.hours = dayExpr(q.Zone, q.From, q.To)
		_, offset := q.From.In(q.Zone).Zone()
		first = (q.From.Unix() + int64(offset)) / 86400
	}
	for n := first; ; n++ {
		number := strconv.FormatInt(n, 10)
		start := bucketStart(number, q.Bucket, q.Zone)
		if !start.Before(q.To) {
			return s, nil
		}
		s.index[number] = len(s.starts)
		s.starts = append(s.starts, start)
	}
}

// Usage implements [logs.Reader].
func (l *Log) Usage(ctx context.Context, q logs.UsageQuery) ([]logs.UsagePoint, error) {
	s, err := newSeries(&q, time.Now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	points := make([]logs.UsagePoint, len(s.starts))
	for i := range points {
		points[i].Start = s.starts[i]
	}
	for _, fill := range []func(context.Context, *logs.UsageQuery, *series, []logs.UsagePoint) error{
		l.usageSums, l.usageLatency, l.usageFirstByte,
	} {
		if err := fill(ctx, &q, s, points); err != nil {
			return nil, l.db.explain(err)
		}
	}
	return points, nil
}

func (l *Log) usageSums(ctx context.Context, q *logs.UsageQuery, s *series, points []logs.UsagePoint) error {
	from, args := source(q.Filter, &grouping{exprs: []string{s.expr}, raw: !s.hours})
	var number string
	var v sums
	return l.each(ctx, "SELECT d0, "+sumOfAll+" FROM "+from+" GROUP BY d0", args, append([]any{&number}, v.fields()...), func() {
		p := &points[s.index[number]]
		p.Requests, p.Errors, p.Hits, p.Meters, p.Unpriced = v.requests, v.errors, v.hits, v.meters, v.unpriced
		p.Cost, p.Saved = price.Nano(v.cost), price.Nano(v.saved)
	})
}

// Durations are counted in classes 5 % apart, so that a quantile needs neither all of them in memory nor a sort.
const classes = 20 // per factor e

func (l *Log) usageLatency(ctx context.Context, q *logs.UsageQuery, s *series, points []logs.UsagePoint) error {
	return l.quantiles(ctx, q, s, points, "total", "", func(i int, v logs.Quantiles) { points[i].Latency = v })
}

func (l *Log) usageFirstByte(ctx context.Context, q *logs.UsageQuery, s *series, points []logs.UsagePoint) error {
	return l.quantiles(ctx, q, s, points, "first_byte", " AND x.stream", func(i int, v logs.Quantiles) { points[i].FirstByte = v })
}

// sampled is about how many exchanges quantiles are taken from.
const sampled = 50_000

func (l *Log) quantiles(ctx context.Context, q *logs.UsageQuery, s *series, points []logs.UsagePoint, column, cond string, set func(int, logs.Quantiles)) error {
	var all int64
	for _, p := range points {
		all += p.Requests
	}
	w := filter(&q.Filter, "x")
	w.add("x.outcome = 'ok' AND x." + column + " > 0" + cond)
	if all > sampled {
		w.add("x.n % ? = 0", all/sampled+1)
	}
	text := fmt.Sprintf("SELECT %s, CAST(ln(x.%s) * %d AS INTEGER), count(*) FROM exchanges x%s GROUP BY 1, 2 ORDER BY 1, 2",
		s.expr, column, classes, w.String())
	var number string
	var class int
	var count int64
	counts := make([][][2]int64, len(s.starts)) // per bucket: class, count; ascending
	err := l.each(ctx, text, w.args, []any{&number, &class, &count}, func() {
		i := s.index[number]
		counts[i] = append(counts[i], [2]int64{int64(class), count})
	})
	for i, c := range counts {
		set(i, logs.Quantiles{P50: quantile(c, 0.50), P95: quantile(c, 0.95)})
	}
	return err
}

// quantile is the middle of the class in which the quantile falls.
func quantile(counts [][2]int64, q float64) time.Duration {
	var sum, seen int64
	for _, c := range counts {
		sum += c[1]
	}
	for _, c := range counts {
		if seen += c[1]; float64(seen) >= q*float64(sum) {
			return time.Duration(math.Exp((float64(c[0]) + 0.5) / classes))
		}
	}
	return 0
}

// each scans every row into the same place and calls fn.
func (l *Log) each(ctx context.Context, text string, args, into []any, fn func()) error {
	rows, err := l.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fn()
	}
	return rows.Err()
}
