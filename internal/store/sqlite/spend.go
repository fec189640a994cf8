package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
)

// dimColumns are the dimensions that are a column of the exchange. Those of the target are columns of whichever table counts.
var dimColumns = map[string]string{
	"key": "x.key", "org": "x.org", "team": "x.team", "user": "x.user", "end_user": "x.end_user", "called": "x.called",
	"endpoint": "x.path", "session": "x.session", "task": "x.task", "hour": "x.at / 3600000000000",
}

// grouping is what a spend query groups by, as SQL.
type grouping struct {
	exprs []string // with %s for the table of the target
	args  []any
	join  string
}

func group(q *logs.SpendQuery) (g grouping, err error) {
	if len(q.GroupBy) > 4 {
		return g, fmt.Errorf("%w: at most 4 dimensions to group by", logs.ErrQuery)
	}
	for _, dim := range q.GroupBy {
		if !logs.ValidDim(dim) {
			return g, fmt.Errorf("%w: cannot group by %q; known are %s and metadata.X", logs.ErrQuery, dim, strings.Join(logs.Dims, ", "))
		}
		key, metadata := logs.MetadataDim(dim)
		switch {
		case metadata:
			g.exprs = append(g.exprs, "coalesce((SELECT value FROM json_each(x.metadata) WHERE key = ?), '')")
			g.args = append(g.args, key)
		case dim == "provider" || dim == "model":
			g.exprs = append(g.exprs, "%s."+dim)
		case dim == "tag":
			g.exprs = append(g.exprs, "coalesce(t.value, '')")
			g.join = " LEFT JOIN json_each(x.tags) t"
		case dim == "day":
			g.exprs = append(g.exprs, dayExpr(q.Zone, q.From, q.To))
		default:
			g.exprs = append(g.exprs, dimColumns[dim])
		}
	}
	return g, nil
}

// columns are the expressions, named d0, d1 and so on.
func (g *grouping) columns(target string) string {
	var b strings.Builder
	for i, e := range g.exprs {
		fmt.Fprintf(&b, "%s AS d%d, ", strings.ReplaceAll(e, "%s", target), i)
	}
	return b.String()
}

func (g *grouping) names() (names []string) {
	for i := range g.exprs {
		names = append(names, fmt.Sprintf("d%d", i))
	}
	return names
}

// The sums of one arm of a spend query: exchanges count requests, ledger lines count the rest.
var (
	exchangeSums = "1 AS requests, x.outcome IN ('error', 'truncated') AS errors, 0 AS attempts, 0 AS input, 0 AS output, 0 AS reads, " +
		"0 AS writes, 0 AS cost, 0 AS unpriced, x.saved AS saved"
	ledgerSums = "0, 0, 1, l." + strings.Join(llm.MeterNames[llm.InputText:llm.InputImage+1], " + l.") + ", l." +
		strings.Join(llm.MeterNames[llm.OutputText:llm.OutputImage+1], " + l.") + ", l.input_cache_read, " +
		"l.input_cache_write_5m + l.input_cache_write_1h, coalesce(l.cost_nano, 0), l.cost_state = 'unpriced', 0"
)

func spendQuery(q *logs.SpendQuery) (text string, args []any, err error) {
	g, err := group(q)
	if err != nil {
		return "", nil, err
	}
	wx, wl := filter(&q.Filter, "x"), filter(&q.Filter, "l")
	limit := q.Limit
	if limit <= 0 || limit > logs.MaxLimit {
		limit = logs.MaxLimit
	}
	names := strings.Join(g.names(), ", ")
	head, by, order := "", "", ""
	if names != "" {
		head, by, order = names+", ", " GROUP BY "+names, ", "+names
	}
	text = "SELECT " + head + "sum(requests), sum(errors), sum(attempts), sum(input), sum(output), sum(reads), sum(writes), " +
		"sum(cost) AS total, sum(unpriced), sum(saved) FROM (" +
		"SELECT " + g.columns("x") + exchangeSums + " FROM exchanges x" + g.join + wx.String() +
		" UNION ALL " +
		"SELECT " + g.columns("l") + ledgerSums + " FROM exchanges x CROSS JOIN ledger l ON l.exchange = x.id" + g.join + wl.String() +
		")" + by + " HAVING count(*) > 0 ORDER BY total DESC" + order + " LIMIT ?"
	for _, w := range []where{wx, wl} {
		args = append(append(args, g.args...), w.args...)
	}
	return text, append(args, limit), nil
}

// Spend implements [logs.Reader].
func (l *Log) Spend(ctx context.Context, q logs.SpendQuery) ([]logs.SpendRow, error) {
	text, args, err := spendQuery(&q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := l.db.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, l.db.explain(err)
	}
	defer rows.Close()
	var list []logs.SpendRow
	for rows.Next() {
		r, err := scanSpend(rows, &q)
		if err != nil {
			return nil, l.db.explain(err)
		}
		list = append(list, r)
	}
	return list, l.db.explain(rows.Err())
}

func scanSpend(rows *sql.Rows, q *logs.SpendQuery) (r logs.SpendRow, err error) {
	dims := make([]string, len(q.GroupBy))
	into := make([]any, 0, len(dims)+10)
	for i := range dims {
		into = append(into, &dims[i])
	}
	into = append(into, &r.Requests, &r.Errors, &r.Attempts, &r.InputTokens, &r.OutputTokens, &r.CacheReadTokens,
		&r.CacheWriteTokens, &r.Cost, &r.Unpriced, &r.Saved)
	if err := rows.Scan(into...); err != nil {
		return r, err
	}
	r.Dims = make(map[string]string, len(dims))
	for i, dim := range q.GroupBy {
		r.Dims[dim] = dims[i]
		switch dim {
		case "day":
			r.Dims[dim] = bucketStart(dims[i], day, time.UTC).Format(time.DateOnly)
		case "hour":
			r.Dims[dim] = bucketStart(dims[i], time.Hour, time.UTC).Format(time.RFC3339)
		}
	}
	return r, nil
}
