package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/admin"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/store/sqlite"
)

// picks are the flags by which requests are picked.
type picks struct {
	From     string `help:"Not before: a time, a day, or an age such as 24h." placeholder:"WHEN"`
	To       string `help:"Before." placeholder:"WHEN"`
	Provider string `help:"Answered by this provider."`
	Model    string `help:"Answered by this model."`
	Key      string `help:"Called with this key."`
	Session  string `help:"Of this session."`
	Outcome  string `help:"Ended so: ok, error, truncated, canceled." enum:",ok,error,truncated,canceled" default:""`
	Class    string `help:"Failed with this class of error."`
	Tag      string `help:"With this tag."`
}

func (s picks) filter() (logs.Filter, error) {
	from, err := moment(s.From)
	if err != nil {
		return logs.Filter{}, err
	}
	to, err := moment(s.To)
	if err != nil {
		return logs.Filter{}, err
	}
	return logs.Filter{
		From: from, To: to, Provider: s.Provider, Model: s.Model, Key: s.Key, Session: s.Session,
		Outcome: logs.Outcome(s.Outcome), Class: s.Class, Tag: s.Tag,
	}, nil
}

// moment reads a time in the local zone, or an age.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time (2026-11-24T10:00:00Z, 2026-11-24) nor an age (24h)", s)
}

// open opens the data folder's database beside a gateway that may be running.
func (f from) open(ctx context.Context, p Process) (*sqlite.DB, error) {
	loader := f.loader(p)
	cfg, _, err := loader.Load(loader.Path())
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cfg.Data, "tidegate.db")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("nothing was logged in %s yet: start the gateway there, or say where it keeps its data with --data", cfg.Data)
	}
	return sqlite.Open(ctx, path)
}

type logsCmd struct {
	from
	picks
	ID    string `arg:"" optional:"" help:"Show this request whole."`
	Limit int    `help:"How many." default:"20" short:"n"`
	JSON  bool   `help:"As JSON lines."`
}

func (c logsCmd) Run(ctx context.Context, p Process) error {
	db, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.ID != "" {
		return show(ctx, db.Log(), p.Out, c.ID)
	}
	f, err := c.filter()
	if err != nil {
		return err
	}
	page, err := db.Log().List(ctx, logs.Query{Filter: f, Limit: c.Limit})
	if err != nil {
		return err
	}
	slices.Reverse(page.Items)
	if c.JSON {
		for i := range page.Items {
			if err := line(p.Out, admin.RowOf(&page.Items[i])); err != nil {
				return err
			}
		}
		return nil
	}
	if len(page.Items) == 0 {
		fmt.Fprintln(p.Out, "no requests")
		return nil
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tID\tCALLED\tANSWERED BY\tOUTCOME\tIN\tOUT\tCOST\tTIME")
	for i := range page.Items {
		r := &page.Items[i]
		row := admin.RowOf(r)
		outcome := string(r.Outcome)
		if r.Class != "" {
			outcome += " " + r.Class
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s/%s\t%s\t%d\t%d\t%s\t%s\n", r.At.Local().Format(time.DateTime), r.ID, r.Called, r.Provider, r.Model,
			outcome, row.InputTokens, row.OutputTokens, dollars(row.CostUSD), r.Total.Round(time.Millisecond))
	}
	return w.Flush()
}

func dollars(s *string) string {
	if s == nil {
		return string(price.Unpriced)
	}
	return "$" + *s
}

func line(w io.Writer, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

func show(ctx context.Context, r logs.Reader, w io.Writer, id string) error {
	e, err := r.Get(ctx, id)
	if errors.Is(err, logs.ErrNotFound) {
		return fmt.Errorf("there is no request %s in the log", id)
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(admin.EntryOf(e), json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

type spendCmd struct {
	from
	picks
	By   []string `help:"Group by: key, team, user, end_user, model, called, provider, endpoint, session, task, tag, day, hour, metadata.X." default:"model"`
	JSON bool     `help:"As JSON lines."`
}

func (c spendCmd) Run(ctx context.Context, p Process) error {
	db, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer db.Close()
	f, err := c.filter()
	if err != nil {
		return err
	}
	rows, err := db.Log().Spend(ctx, logs.SpendQuery{Filter: f, GroupBy: c.By, Zone: time.Local})
	if err != nil {
		return err
	}
	if c.JSON {
		for i := range rows {
			if err := line(p.Out, admin.SpendOf(&rows[i])); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(c.By, "\t"))+"\tREQUESTS\tERRORS\tIN\tOUT\tCOST\tUNPRICED")
	var sum price.Nano
	for _, r := range rows {
		for _, dim := range c.By {
			fmt.Fprintf(w, "%s\t", orDash(r.Dims[dim]))
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t$%s\t%d\n", r.Requests, r.Errors, r.InputTokens, r.OutputTokens, r.Cost, r.Unpriced)
		sum += r.Cost
	}
	if !slices.Contains(c.By, "tag") {
		fmt.Fprintf(w, "total%s\t\t\t\t$%s\t\n", strings.Repeat("\t", len(c.By)), sum)
	}
	return w.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type exportCmd struct {
	from
	picks
	Format string `help:"jsonl or csv." enum:"jsonl,csv" default:"jsonl"`
	Bodies bool   `help:"With requests and replies (jsonl)."`
	Output string `help:"File to write (default: standard output)." short:"o" placeholder:"FILE" type:"path"`
}

func (c exportCmd) Run(ctx context.Context, p Process) (err error) {
	db, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer db.Close()
	f, err := c.filter()
	if err != nil {
		return err
	}
	out := p.Out
	if c.Output != "" {
		file, err := os.OpenFile(c.Output, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	write := c.jsonl
	if c.Format == "csv" {
		w := csv.NewWriter(out)
		if err := w.Write(columns); err != nil {
			return err
		}
		defer func() { w.Flush(); err = errors.Join(err, w.Error()) }()
		write = func(_ context.Context, _ logs.Reader, _ io.Writer, r *logs.Record) error { return w.Write(cells(r)) }
	}
	n := 0
	for q := (logs.Query{Filter: f, Limit: logs.MaxLimit}); ; {
		page, err := db.Log().List(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := write(ctx, db.Log(), out, &page.Items[i]); err != nil {
				return err
			}
		}
		if n += len(page.Items); c.Output != "" {
			fmt.Fprintf(p.Err, "\r%d requests", n)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if c.Output != "" {
		fmt.Fprintln(p.Err)
	}
	return nil
}

func (c exportCmd) jsonl(ctx context.Context, reader logs.Reader, w io.Writer, r *logs.Record) error {
	if !c.Bodies {
		return line(w, admin.RowOf(r))
	}
	e, err := reader.Get(ctx, r.ID)
	if err != nil {
		return err
	}
	return line(w, admin.EntryOf(e))
}

var columns = []string{
	"id", "at", "key", "team", "user", "end_user", "session", "task", "called", "provider", "model", "stream", "status", "outcome",
	"class", "code", "attempts", "input_tokens", "output_tokens", "cost_usd", "cost_state", "first_byte_ms", "total_ms",
}

// cells are one request's row. A text that a spreadsheet would take for a formula is kept from being one.
func cells(r *logs.Record) []string {
	row := admin.RowOf(r)
	cost := ""
	if row.CostUSD != nil {
		cost = *row.CostUSD
	}
	texts := []string{
		r.ID, r.At.UTC().Format(time.RFC3339Nano), r.Key, r.Team, r.User, r.EndUser, r.Session, r.Task, r.Called, r.Provider, r.Model,
		strconv.FormatBool(r.Stream), strconv.Itoa(r.Status), string(r.Outcome), r.Class, r.Code, strconv.Itoa(len(r.Attempts)),
		strconv.FormatInt(row.InputTokens, 10), strconv.FormatInt(row.OutputTokens, 10), cost, string(row.CostState),
		strconv.FormatFloat(row.FirstByteMS, 'f', -1, 64), strconv.FormatFloat(row.TotalMS, 'f', -1, 64),
	}
	for i, s := range texts {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			texts[i] = "'" + s
		}
	}
	return texts
}
