package admin

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// Row is one exchange as the API shows it.
type Row struct {
	ID           string         `json:"id"`
	At           time.Time      `json:"at"`
	Surface      string         `json:"surface"`
	Method       string         `json:"method"`
	Path         string         `json:"path"`
	Key          string         `json:"key"`
	Team         string         `json:"team"`
	User         string         `json:"user"`
	EndUser      string         `json:"end_user"`
	Session      string         `json:"session"`
	Task         string         `json:"task"`
	Tags         []string       `json:"tags"`
	Metadata     jsontext.Value `json:"metadata"`
	Trace        string         `json:"trace"`
	Span         string         `json:"span"`
	Parent       string         `json:"parent"`
	Called       string         `json:"called" doc:"the model that the client asked for"`
	Stream       bool           `json:"stream"`
	Provider     string         `json:"provider" doc:"that answered, or was tried last"`
	Model        string         `json:"model"`
	Route        string         `json:"route" doc:"why this target"`
	Status       int            `json:"status" doc:"HTTP status the client saw; 499 when it left before"`
	Outcome      logs.Outcome   `json:"outcome" enum:"ok,error,truncated,canceled"`
	Class        string         `json:"class" doc:"of the error"`
	Code         string         `json:"code"`
	Message      string         `json:"message"`
	Cache        string         `json:"cache"`
	Dropped      []string       `json:"dropped" doc:"fields lost in translation"`
	Stop         llm.StopReason `json:"stop"`
	FirstByteMS  float64        `json:"first_byte_ms"`
	TotalMS      float64        `json:"total_ms"`
	OverheadUS   int64          `json:"overhead_us" doc:"the gateway's own time"`
	BytesIn      int64          `json:"bytes_in"`
	BytesOut     int64          `json:"bytes_out"`
	Bodies       bool           `json:"bodies" doc:"bodies were kept"`
	InputTokens  int64          `json:"input_tokens" doc:"of all attempts, cached ones included"`
	OutputTokens int64          `json:"output_tokens" doc:"of all attempts, reasoning included"`
	CostUSD      *string        `json:"cost_usd" doc:"decimal dollars of all attempts; null when unpriced"`
	CostState    price.State    `json:"cost_state" enum:"priced,billed,unpriced,free"`
	Attempts     []Attempt      `json:"attempts"`
}

// Attempt is one ledger line.
type Attempt struct {
	N            int              `json:"n"`
	Provider     string           `json:"provider"`
	Model        string           `json:"model"`
	Credential   string           `json:"credential" doc:"label of the provider key"`
	At           time.Time        `json:"at"`
	FirstByteMS  float64          `json:"first_byte_ms"`
	TotalMS      float64          `json:"total_ms"`
	Status       int              `json:"status" doc:"the upstream's; 0 when none came"`
	Class        string           `json:"class"`
	Code         string           `json:"code"`
	Message      string           `json:"message"`
	Sent         bool             `json:"sent" doc:"bytes may have reached the model"`
	Usage        map[string]int64 `json:"usage" doc:"by meter; disjoint"`
	UsageSource  string           `json:"usage_source" enum:"reported,partial,estimated"`
	CostUSD      *string          `json:"cost_usd"`
	CostState    price.State      `json:"cost_state" enum:"priced,billed,unpriced,free"`
	PriceVersion string           `json:"price_version"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// RowOf shows a record.
func RowOf(r *logs.Record) Row {
	cost := r.Cost()
	row := Row{
		ID: r.ID, At: r.At, Surface: string(r.Surface), Method: r.Method, Path: r.Path, Key: r.Key, Team: r.Team, User: r.User,
		EndUser: r.EndUser, Session: r.Session, Task: r.Task, Tags: orEmpty(r.Tags), Metadata: r.Metadata,
		Trace: r.Trace, Span: r.Span, Parent: r.Parent, Called: r.Called, Stream: r.Stream, Provider: r.Provider, Model: r.Model,
		Route: r.Route, Status: r.Status, Outcome: r.Outcome, Class: r.Class, Code: r.Code, Message: r.Message,
		Cache: r.Cache, Dropped: orEmpty(r.Dropped), Stop: r.Stop,
		FirstByteMS: millis(r.FirstByte), TotalMS: millis(r.Total), OverheadUS: r.Overhead.Microseconds(),
		BytesIn: r.BytesIn, BytesOut: r.BytesOut, Bodies: r.Bodies,
		CostUSD: dollars(cost), CostState: cost.State, Attempts: make([]Attempt, len(r.Attempts)),
	}
	if row.Metadata == nil {
		row.Metadata = jsontext.Value(`{}`)
	}
	for i := range r.Attempts {
		a := &r.Attempts[i]
		row.Attempts[i] = attemptOf(a)
		row.InputTokens += a.Usage.Input()
		row.OutputTokens += a.Usage.Output()
	}
	return row
}

func attemptOf(a *logs.Attempt) Attempt {
	return Attempt{
		N: a.N, Provider: a.Provider, Model: a.Model, Credential: a.Credential, At: a.At,
		FirstByteMS: millis(a.FirstByte), TotalMS: millis(a.Total), Status: a.Status,
		Class: a.Class, Code: a.Code, Message: a.Message, Sent: a.Sent,
		Usage: meters(&a.Usage), UsageSource: a.Usage.Source.String(),
		CostUSD: dollars(a.Cost), CostState: a.Cost.State, PriceVersion: a.Cost.Version,
	}
}

// dollars is nil when the price is unknown: never a zero that nobody knows to be one.
func dollars(c price.Cost) *string {
	if c.State == price.Unpriced {
		return nil
	}
	s := c.Nano.String()
	return &s
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Entry is one exchange with its bodies.
type Entry struct {
	Row      `json:",embed"`
	Request  *Body `json:"request" doc:"null when bodies were not kept"`
	Response *Body `json:"response"`
	Upstream *Body `json:"upstream" doc:"the request as it was translated; null when it was passed on as it came"`
}

// Body is what went over the wire in one direction.
type Body struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Cut     bool              `json:"cut" doc:"only the beginning was kept"`
}

// EntryOf shows an entry of the log.
func EntryOf(e *logs.Entry) Entry {
	out := Entry{Row: RowOf(&e.Record)}
	if b := e.Bodies; b != nil {
		out.Request = &Body{Headers: b.RequestHeader, Body: string(b.Request)}
		out.Response = &Body{Headers: b.ResponseHeader, Body: string(b.Response), Cut: b.Cut}
		if len(b.Upstream) > 0 {
			out.Upstream = &Body{Body: string(b.Upstream)}
		}
	}
	return out
}

func pointOf(p *logs.UsagePoint) Point {
	u := llm.Usage{N: p.Meters}
	return Point{
		At: p.Start, Requests: p.Requests, Errors: p.Errors, InputTokens: u.Input(), OutputTokens: u.Output(), Usage: meters(&u),
		CostUSD: p.Cost.String(), Unpriced: p.Unpriced,
		P50MS: millis(p.Latency.P50), P95MS: millis(p.Latency.P95), FirstP50MS: millis(p.FirstByte.P50), FirstP95MS: millis(p.FirstByte.P95),
	}
}

func meters(u *llm.Usage) map[string]int64 {
	m := map[string]int64{}
	for meter, n := range u.N {
		if n != 0 {
			m[llm.MeterNames[meter]] = n
		}
	}
	return m
}
