package telemetry

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func record(i int) *logs.Record {
	u := llm.Usage{}
	u.N[llm.InputText] = 10
	name := fmt.Sprint("x", i)
	return &logs.Record{
		ID: name, Surface: llm.OpenAIChat, Called: name, Provider: "openai", Model: name, Key: name, EndUser: name, Session: name, Path: "/v1/chat/completions",
		Outcome: logs.OK, Total: time.Second, FirstByte: time.Millisecond,
		Attempts: []logs.Attempt{{Provider: "openai", Model: name, Usage: u, Cost: price.Cost{Nano: 5, State: price.Priced}}},
	}
}

// Whatever clients send, the number of series stays the same (pitfall J5).
func TestSeries(t *testing.T) {
	m := New("test")
	m.Settled(record(0))
	m.Lost(llm.OpenAIChat, llm.Gemini, "seed")
	m.Lost(llm.OpenAIChat, llm.Gemini, "zz")
	before := strings.Count(scrape(m), "\n")
	for i := range 20_000 {
		m.Settled(record(i))
		m.Lost(llm.OpenAIChat, llm.Gemini, fmt.Sprintf("messages.%d.zz%d", i, i))
		m.Lost(llm.OpenAIChat, llm.Gemini, fmt.Sprint("invented", i))
	}
	if after := strings.Count(scrape(m), "\n"); after > before+1 { // the loss at "messages" is new
		t.Errorf("%d lines became %d", before, after)
	}
}

func TestFigures(t *testing.T) {
	m := New("test")
	m.Opened()
	m.Settled(record(1))
	unpriced := record(2)
	unpriced.Attempts[0].Cost = price.Cost{State: price.Unpriced}
	unpriced.Outcome, unpriced.Class, unpriced.Stream = logs.Truncated, "network", true
	m.Settled(unpriced)
	m.Gauge("tidegate_test", "x", func() float64 { return 42 })
	m.Reloaded(nil)
	text := scrape(m)
	for _, want := range []string{
		`tidegate_requests_total{class="",outcome="ok",provider="openai",stream="false",surface="openai.chat"} 1`,
		`tidegate_requests_total{class="network",outcome="truncated",provider="openai",stream="true",surface="openai.chat"} 1`,
		`tidegate_usage_total{meter="input_text",provider="openai"} 20`,
		`tidegate_cost_nano_usd_total{provider="openai"} 5`,
		`tidegate_unpriced_attempts_total{provider="openai"} 1`,
		`tidegate_requests_open 1`, `tidegate_test 42`, `tidegate_build_info{version="test"} 1`, `tidegate_config_reloads_total{result="taken"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	m.Closed()
	if !strings.Contains(scrape(m), "tidegate_requests_open 0") {
		t.Error("it was not counted out")
	}
}
