package sdk

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidegate/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const clientKey = "tg-the-key-of-the-sdk-tests"

// named has models of Anthropic's under their own names, with a scenario behind them.
const named = `  named: { type: anthropic, base_url: URL/v1, api_key: key-of-named, extra_body: { model: "chat` + counted + `" } }`

// bench is a gateway with the three dialects behind it, all played by the scripted upstream.
type bench struct {
	gateway  *rig.Gateway
	upstream *rig.Upstream
	recorder *recorder
}

func newBench(t *testing.T) *bench {
	b := &bench{upstream: rig.Fake(t)}
	b.recorder = newRecorder(t, b.upstream.URL)
	b.gateway = rig.Serve(t, rig.Setup{Config: "auth: required\nkeys: [ { name: sdk, key: " + clientKey + " } ]\nlog: { level: debug }\n" +
		rig.Providers(b.recorder.URL, named)})
	return b
}

// line is one SDK's way through the gateway to one upstream.
type line struct {
	*bench
	client, upstream vendor
	witness          *witness
}

func (b *bench) line(client, upstream vendor) *line {
	return &line{b, client, upstream, &witness{}}
}

func (l *line) talk(o options) talk {
	o.model = l.upstream.name + "/" + o.model
	return l.client.begin(address{l.gateway.URL, clientKey, clientOf(l)}, o)
}

func (l *line) id() string { return l.witness.last().Get("X-Tidegate-Request-Id") }

// said is what the upstream's own SDK reads in the upstream's own bytes.
func (l *line) said(t *testing.T, o options, stream bool) *answer {
	t.Helper()
	o.model = "any"
	native := l.upstream.begin(address{"http://upstream.test", "any", &http.Client{Transport: playback{l.recorder.tape(t, l.id())}}}, o)
	native.say("any")
	a, err := native.ask(t.Context(), stream)
	if err != nil {
		t.Fatalf("the upstream's own SDK cannot read its answer: %v", err)
	}
	return a
}

// each runs a test for every SDK and upstream, streaming and not.
func each(t *testing.T, test func(t *testing.T, l *line, stream bool)) {
	b := newBench(t)
	for _, client := range vendors {
		for _, upstream := range vendors {
			for _, stream := range []bool{false, true} {
				how := map[bool]string{false: "whole", true: "stream"}[stream]
				t.Run(client.name+" to "+upstream.name+"/"+how, func(t *testing.T) {
					t.Parallel()
					test(t, b.line(client, upstream), stream)
				})
			}
		}
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// check asks and holds the answer to what the upstream said. It returns the answer.
func (l *line) check(t *testing.T, c talk, o options, stream bool) *answer {
	t.Helper()
	got, err := c.ask(within(t), stream)
	if err != nil {
		t.Fatal(err)
	}
	want := l.said(t, o, stream)
	if !carriesIDs(l) {
		forget(got)
		forget(want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not what the upstream said (-want +got):\n%s", diff)
	}
	return got
}

// carriesIDs tells whether calls have ids on both sides: Gemini's may have none, and the gateway then makes some.
func carriesIDs(l *line) bool { return l.client.name == l.upstream.name || l.upstream.name != "google" }

func forget(a *answer) {
	for i := range a.Calls {
		a.Calls[i].ID = ""
	}
}

// logged holds the log row to the usage that the SDK was told, and to the price.
func (l *line) logged(t *testing.T, u usage, stream bool) *rig.Row {
	t.Helper()
	row := l.gateway.Logged(t, l.id())
	type entry struct {
		Provider, Outcome, Key, CostState string
		Stream                            bool
		In, Out, Cached                   int64
		Cost                              string
	}
	got := entry{row.Provider, row.Outcome, row.Key, row.CostState, row.Stream, row.InputTokens, row.OutputTokens, row.Attempts[0].Usage["input_cache_read"], *row.CostUSD}
	want := entry{l.upstream.name, "ok", "sdk", "priced", stream, u.In, u.Out, u.Cached, cost(u)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log row (-want +got):\n%s", diff)
	}
	if header := l.witness.last().Get("X-Tidegate-Cost-Usd"); !stream && header != got.Cost {
		t.Errorf("header says that it cost %q, the log says %q", header, got.Cost)
	}
	return row
}

// cost is what rig.Providers' prices make of a usage, as decimal dollars.
func cost(u usage) string {
	millionths := (u.In-u.Cached)*10 + u.Cached + u.Out*100
	s := fmt.Sprintf("%d.%06d", millionths/1e6, millionths%1e6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

const counted = "+usage:in=1200,out=300,cached=200"

func TestText(t *testing.T) {
	each(t, func(t *testing.T, l *line, stream bool) {
		o := options{model: "chat" + counted}
		c := l.talk(o)
		c.say("What is the tide?")
		a := l.check(t, c, o, stream)
		if a.Text == "" || a.Stop != "stop" || a.Usage != (usage{1200, 300, 200}) {
			t.Errorf("answer %+v", a)
		}
		l.logged(t, a.Usage, stream)
	})
}
