package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"tidegate/internal/logs"
)

// Picks are the query parameters by which records are picked. It is exported because huma fills exported fields only.
type Picks struct {
	From     string `query:"from" doc:"RFC 3339, or an age such as 24h"`
	To       string `query:"to" doc:"RFC 3339, or an age such as 1h"`
	Key      string `query:"key"`
	Team     string `query:"team"`
	User     string `query:"user"`
	EndUser  string `query:"end_user"`
	Provider string `query:"provider"`
	Model    string `query:"model" doc:"upstream's model"`
	Called   string `query:"called" doc:"model as called"`
	Session  string `query:"session"`
	Task     string `query:"task"`
	Trace    string `query:"trace"`
	Outcome  string `query:"outcome" enum:"ok,error,truncated,canceled"`
	Status   int    `query:"status"`
	Class    string `query:"class"`
	Tag      string `query:"tag"`
	Text     string `query:"q" doc:"an id, or part of an error message"`
}

func (f *Picks) filter() (logs.Filter, error) {
	from, err := moment(f.From)
	if err != nil {
		return logs.Filter{}, err
	}
	to, err := moment(f.To)
	if err != nil {
		return logs.Filter{}, err
	}
	return logs.Filter{
		From: from, To: to, Key: f.Key, Team: f.Team, User: f.User, EndUser: f.EndUser, Provider: f.Provider, Model: f.Model,
		Called: f.Called, Session: f.Session, Task: f.Task, Trace: f.Trace, Outcome: logs.Outcome(f.Outcome), Status: f.Status,
		Class: f.Class, Tag: f.Tag, Text: f.Text,
	}, nil
}

// moment reads a time, or how long ago it was.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, huma.Error400BadRequest("from and to are times such as 2026-11-24T10:00:00Z, days such as 2026-11-24, or ages such as 24h")
}

type list[T any] struct {
	Body struct {
		Items []T     `json:"items"`
		Next  *string `json:"next" doc:"cursor of the next page; null when there is none"`
	}
}

type logsQuery struct {
	Picks
	Cursor string `query:"cursor"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
}

type entryReply struct{ Body Entry }

func (s *server) logs(api huma.API) {
	huma.Get(api, "/admin/v1/logs", func(ctx context.Context, in *logsQuery) (*list[Row], error) {
		f, err := in.filter()
		if err != nil {
			return nil, err
		}
		page, err := s.Logs.List(ctx, logs.Query{Filter: f, Cursor: in.Cursor, Limit: in.Limit})
		if err != nil {
			return nil, failed(err)
		}
		out := &list[Row]{}
		out.Body.Items = make([]Row, len(page.Items))
		for i := range page.Items {
			out.Body.Items[i] = RowOf(&page.Items[i])
		}
		if page.Next != "" {
			out.Body.Next = &page.Next
		}
		return out, nil
	}, describe("Requests, newest first."))
	huma.Get(api, "/admin/v1/logs/{id}", func(ctx context.Context, in *struct {
		ID string `path:"id"`
	}) (*entryReply, error) {
		e, err := s.Logs.Get(ctx, in.ID)
		if err != nil {
			return nil, failed(err)
		}
		return &entryReply{Body: EntryOf(e)}, nil
	}, describe("One request, with its bodies where they were kept."))
}

// failed says whose fault it was.
func failed(err error) error {
	switch {
	case errors.Is(err, logs.ErrNotFound):
		return huma.Error404NotFound("there is no such request in the log")
	case errors.Is(err, logs.ErrQuery):
		return huma.Error400BadRequest(err.Error())
	case errors.Is(err, context.Canceled):
		return huma.NewError(499, "the asker left")
	}
	return huma.Error500InternalServerError("the log could not be read", err)
}

// live sends rows as exchanges end, for as long as the reader stays.
func (s *server) live(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a live view has no end of its own
	rows := s.Tail.Subscribe(r.Context(), logs.Filter{})
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	frame := []byte(": live\n\n")
	for {
		if _, err := w.Write(frame); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-beat.C:
			frame = []byte(": live\n\n")
		case rec, ok := <-rows:
			if !ok {
				return
			}
			body, err := json.Marshal(RowOf(rec))
			if err != nil {
				return
			}
			frame = append(append([]byte("event: row\ndata: "), body...), "\n\n"...)
		}
	}
}
