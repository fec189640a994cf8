package sdk

import (
	"strings"
	"testing"

	"tidegate/test/rig"
)

// TestErrors holds what SDKs raise to what happened. Waiting and trying again is the gateway's business where that helps, so
// that each of these is the end of the matter.
func TestErrors(t *testing.T) {
	cases := []struct {
		name, model string
		status      int
		class       string
		attempts    int
	}{
		{"rate limit", "fail:status=429,retry_after=77", 429, "rate_limited", 1},
		{"bad request", "fail:status=400", 400, "bad_request", 1},
		{"too long", "fail:why=context", 400, "context_length", 1},
		{"no such model upstream", "nonsense", 404, "model_gone", 1},
		{"provider refuses our key", "fail:status=401", 502, "credential", 1},
	}
	each(t, func(t *testing.T, l *line, stream bool) {
		for _, tc := range cases {
			t.Run(tc.name, func(t *testing.T) {
				c := l.talk(options{model: tc.model})
				c.say("Hello")
				_, err := c.ask(within(t), stream)
				f := l.client.fault(err)
				if f == nil {
					t.Fatalf("not the SDK's error: %v", err)
				}
				if f.status != tc.status {
					t.Errorf("status %d, want %d: %v", f.status, tc.status, err)
				}
				if f.code == "" && l.client.name != l.upstream.name || f.said == "" { // of the same vendor's code nothing is taken away or added
					t.Errorf("code %q and message %q", f.code, f.said)
				}
				row := l.gateway.Logged(t, l.id())
				if row.Class != tc.class || row.Outcome != "error" || row.Status != f.status || len(row.Attempts) != tc.attempts {
					t.Errorf("log row: %s %s, status %d, %d attempts", row.Outcome, row.Class, row.Status, len(row.Attempts))
				}
				if row.CostUSD == nil || *row.CostUSD != "0" {
					t.Errorf("an error cost %v", row.CostUSD)
				}
				if tc.class == "rate_limited" {
					if got := l.witness.last().Get("Retry-After"); got != "77" {
						t.Errorf("Retry-After is %q", got)
					}
				}
				if tc.class == "credential" && strings.Contains(err.Error(), "key-of-") {
					t.Errorf("the error names our key: %v", err)
				}
			})
		}
	})
}

// TestOwnErrors are those that the gateway itself has to say.
func TestOwnErrors(t *testing.T) {
	b := newBench(t)
	cases := []struct {
		name, model, key string
		status           int
		code             string
	}{
		{"unknown model", "nobody-knows-this", clientKey, 404, "model_not_found"},
		{"unknown provider", "mistral/large", clientKey, 404, "model_not_found"},
		{"wrong key", "openai/chat", "tg-some-other-key-altogether", 401, "invalid_api_key"},
	}
	for _, v := range vendors {
		for _, tc := range cases {
			t.Run(v.name+"/"+tc.name, func(t *testing.T) {
				l := b.line(v, v)
				c := v.begin(address{b.gateway.URL, tc.key, clientOf(l)}, options{model: tc.model})
				c.say("Hello")
				_, err := c.ask(within(t), false)
				f := v.fault(err)
				if f == nil {
					t.Fatalf("not the SDK's error: %v", err)
				}
				if f.status != tc.status || f.code != tc.code {
					t.Errorf("status %d and code %q, want %d and %q: %v", f.status, f.code, tc.status, tc.code, err)
				}
				if strings.Contains(err.Error(), tc.key) {
					t.Errorf("the error repeats the client's key: %v", err)
				}
			})
		}
	}
}

// TestBrokenStreams holds SDKs to raising an error when a stream did not end as it should, with what came before it.
func TestBrokenStreams(t *testing.T) {
	b := newBench(t)
	for _, client := range vendors {
		for _, upstream := range vendors {
			for _, scenario := range []string{"error_event:after=6", "cut:after=6", "cut:after=6,how=rst", "cut:after=6,how=nolastchunk", "cut:after=6,how=clean", "truncated_json", "bad_event:after=6"} {
				t.Run(client.name+" to "+upstream.name+"/"+scenario, func(t *testing.T) {
					t.Parallel()
					l := b.line(client, upstream)
					c := l.talk(options{model: "chat+" + scenario})
					c.say("Tell me about the sea.")
					a, err := c.ask(within(t), true)
					if err == nil {
						t.Fatalf("no error; the SDK took this for whole: %+v", a)
					}
					row := b.gateway.Logged(t, l.id())
					if scenario == "truncated_json" && upstream.name == "anthropic" { // its third event is before the first content
						if row.Outcome != "error" || row.Status != 502 || len(row.Attempts) != 1 {
							t.Errorf("log row: %s, status %d after %d attempts", row.Outcome, row.Status, len(row.Attempts))
						}
						return
					}
					if a == nil || a.Text == "" {
						t.Errorf("what came before the error is lost: %+v, %v", a, err)
					}
					if row.Outcome != "truncated" || row.Class == "" {
						t.Errorf("log row: %s %s", row.Outcome, row.Class)
					}
					if row.OutputTokens == 0 || row.Attempts[0].UsageSource == "reported" {
						t.Errorf("usage of a part: %d tokens, %s", row.OutputTokens, row.Attempts[0].UsageSource)
					}
				})
			}
		}
	}
}

// TestRetries has upstreams that fail twice and then answer: the SDK sees an answer, the log sees three attempts.
func TestRetries(t *testing.T) {
	each(t, func(t *testing.T, l *line, stream bool) {
		model := map[bool]string{false: "chat+fail:status=500,times=2", true: "echo+fail:status=503,times=2"}[stream]
		l.third(t, model+"+usage:in=12,out="+map[string]string{"openai": "3", "anthropic": "4", "google": "5"}[l.client.name], stream)
	})
}

func (l *line) third(t *testing.T, model string, stream bool) {
	c := l.talk(options{model: model})
	c.say("Hello there")
	a, err := c.ask(within(t), stream)
	if err != nil {
		t.Fatal(err)
	}
	row := l.gateway.Logged(t, l.id())
	if a.Text == "" || row.Outcome != "ok" || len(row.Attempts) != 3 {
		t.Errorf("%q, %s after %d attempts", a.Text, row.Outcome, len(row.Attempts))
	}
	if got := l.witness.last().Get("X-Tidegate-Attempts"); got != "3" {
		t.Errorf("header says %q attempts", got)
	}
}

// TestHeartbeats has upstreams that are silent for longer than the heartbeat: SDKs must not mind what keeps the connection open.
func TestHeartbeats(t *testing.T) {
	b := &bench{upstream: rig.Fake(t)}
	b.recorder = newRecorder(t, b.upstream.URL)
	b.gateway = rig.Serve(t, rig.Setup{Config: "keys: [ { name: sdk, key: " + clientKey + " } ]\nserver: { heartbeat: 20ms }\n" + rig.Providers(b.recorder.URL)})
	for _, client := range vendors {
		for _, upstream := range vendors {
			for _, scenario := range []string{"chat+slow_first_byte:ms=150", "chat+stall:after=6,ms=150", "chat+stall:after=6,ms=150+stream:chunks=9,crlf=1"} {
				t.Run(client.name+" to "+upstream.name+"/"+scenario, func(t *testing.T) {
					t.Parallel()
					l := b.line(client, upstream)
					o := options{model: scenario + counted}
					c := l.talk(o)
					c.say("Tell me about the sea.")
					l.check(t, c, o, true)
				})
			}
		}
	}
}
