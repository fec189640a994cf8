// Package telemetry is the gateway's Prometheus metrics. No label value ever comes from the wire: providers are those of the
// configuration, paths of losses are cut to what the codecs name, everything else is a closed set (pitfall J5).
//
// It knows records; it does not know who makes them.
package telemetry

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tidegate/internal/llm"
	"tidegate/internal/logs"
	"tidegate/internal/price"
)

// Metrics counts exchanges. It implements gate.Meter.
type Metrics struct {
	registry  *prometheus.Registry
	open      prometheus.Gauge
	requests  *prometheus.CounterVec
	attempts  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	firstByte *prometheus.HistogramVec
	overhead  prometheus.Histogram
	tokens    *prometheus.CounterVec
	cost      *prometheus.CounterVec
	unpriced  *prometheus.CounterVec
	losses    *prometheus.CounterVec
	reloads   *prometheus.CounterVec
}

// seconds suit replies of language models: from a cached token to a long agent turn.
var seconds = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600}

// New makes the metrics. version labels the build.
func New(version string) *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		open:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "tidegate_requests_open", Help: "Requests under way."}),
		requests:  counter("tidegate_requests_total", "Finished requests.", "surface", "provider", "outcome", "class", "stream"),
		attempts:  counter("tidegate_attempts_total", "Calls of providers.", "provider", "class"),
		duration:  histogram("tidegate_request_seconds", "From the request's first byte to the answer's last.", "surface", "provider", "stream"),
		firstByte: histogram("tidegate_first_byte_seconds", "From the request's first byte to the answer's first.", "surface", "provider", "stream"),
		overhead: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tidegate_overhead_seconds", Help: "The gateway's own time before the answer.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .05, .25, 1},
		}),
		tokens:   counter("tidegate_usage_total", "What was consumed, by meter (tokens, unless its name says otherwise).", "provider", "meter"),
		cost:     counter("tidegate_cost_nano_usd_total", "What it cost, in billionths of a dollar.", "provider"),
		unpriced: counter("tidegate_unpriced_attempts_total", "Attempts that consumed something for which no price is known.", "provider"),
		losses:   counter("tidegate_loss_total", "Fields lost in translation.", "from", "to", "path"),
		reloads:  counter("tidegate_config_reloads_total", "Attempts to take a changed configuration.", "result"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tidegate_build_info", Help: "Which build runs."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build,
		m.open, m.requests, m.attempts, m.duration, m.firstByte, m.overhead, m.tokens, m.cost, m.unpriced, m.losses, m.reloads,
	)
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds}, labels)
}

// Gauge adds a figure that is asked for at every scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Opened counts a request that was admitted.
func (m *Metrics) Opened() { m.open.Inc() }

// Closed counts it out again.
func (m *Metrics) Closed() { m.open.Dec() }

// Reloaded counts a new configuration: taken or refused.
func (m *Metrics) Reloaded(err error) {
	result := "taken"
	if err != nil {
		result = "refused"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// Settled counts a finished exchange.
func (m *Metrics) Settled(r *logs.Record) {
	stream := "false"
	if r.Stream {
		stream = "true"
	}
	surface := string(r.Surface)
	m.requests.WithLabelValues(surface, r.Provider, string(r.Outcome), r.Class, stream).Inc()
	m.duration.WithLabelValues(surface, r.Provider, stream).Observe(r.Total.Seconds())
	if r.FirstByte > 0 {
		m.firstByte.WithLabelValues(surface, r.Provider, stream).Observe(r.FirstByte.Seconds())
	}
	m.overhead.Observe(r.Overhead.Seconds())
	for i := range r.Attempts {
		m.attempt(&r.Attempts[i])
	}
}

func (m *Metrics) attempt(a *logs.Attempt) {
	m.attempts.WithLabelValues(a.Provider, a.Class).Inc()
	for meter, n := range a.Usage.N {
		if n > 0 {
			m.tokens.WithLabelValues(a.Provider, llm.MeterNames[meter]).Add(float64(n))
		}
	}
	switch a.Cost.State {
	case price.Unpriced:
		m.unpriced.WithLabelValues(a.Provider).Inc()
	case price.Priced, price.Billed:
		m.cost.WithLabelValues(a.Provider).Add(float64(a.Cost.Nano))
	case price.Free:
	}
}

// Lost counts a field lost in translation. The path is the codec's, whose members are a closed set except where a client
// invented one.
func (m *Metrics) Lost(from, to llm.Dialect, path string) {
	m.losses.WithLabelValues(string(from), string(to), lossLabel(path)).Inc()
}

// lossFields are the fields that codecs name in losses. Clients can invent others: these are "other".
var lossFields = map[string]bool{
	"seed": true, "n": true, "stop": true, "user": true, "tools": true, "tool_choice": true, "messages": true, "system": true,
	"logprobs": true, "top_logprobs": true, "logit_bias": true, "top_k": true, "top_p": true, "temperature": true,
	"frequency_penalty": true, "presence_penalty": true, "response_format": true, "reasoning_effort": true, "verbosity": true,
	"service_tier": true, "parallel_tool_calls": true, "modalities": true, "audio": true, "prediction": true, "metadata": true,
	"store": true, "prompt_cache_key": true, "thinking": true, "max_tokens": true, "choices": true, "usage": true,
}

func lossLabel(path string) string {
	first, _, _ := strings.Cut(path, ".")
	if lossFields[first] {
		return first
	}
	return "other"
}
