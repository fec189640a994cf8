// Package config is the configuration file: its types, its defaults, its strict reading and its reloading.
//
// Start in this file: the structs below are the whole file, and their comments and tags are its reference
// (docs/configuration.md is generated from them). A [Loader] reads a file, reports everything that is wrong with it at once,
// each with its place, and yields a [Config] that nobody changes any more. A [Watcher] does so again whenever the file changes.
//
// The package knows names, units and what refers to what. It does not know what a provider is (see [Catalog]), and it acts
// on nothing.
//
// A field is called in the file as here in snake case, unless its tag says otherwise. Tags: default is the value in the
// file's own spelling; oneof lists the values; min and max bound a number; static marks what only a restart changes; unset:"ok"
// marks credentials that may name an absent variable; commas marks lists that may be one text with commas; yaml:",key" is
// filled with the member's name in a mapping whose order is kept; yaml:",rest" takes all other members.
package config

import (
	"cmp"
	"reflect"
	"time"

	"tidegate/internal/llm"
	"tidegate/internal/price"
)

// Config is the whole file, with defaults applied and variables expanded. It is immutable: whoever reads it must not change
// it, and a changed file yields another one.
type Config struct {
	// Where the gateway listens.
	Listen string `default:"127.0.0.1:8080" static:"true"`
	// The folder of the embedded store, the spool and the generated secrets.
	Data string `default:"./data" static:"true"`
	// Who is served: open serves anybody on this machine, required asks for a key. Without it, open on a loopback address
	// and required on any other, where open is refused.
	Auth Auth `oneof:"open,required"`
	// The time zone of calendar days and months in budgets and alerts.
	Timezone *time.Location `default:"UTC"`

	// Limits of the server.
	Server Server
	// What is logged and for how long.
	Log Log
	// How a target is found for what a client calls.
	Routing Routing
	// The response cache.
	Caching Caching
	// What to tell people about.
	Alerts []Alert
	// Where alerts are sent.
	Notifications Notifications
	// Upstreams, by name. Those built in are switched on by their key in the environment and need no entry.
	Providers []Provider
	// Names that clients call, with the targets behind them. Without an entry, provider/model and bare known names work.
	Models []Model
	// For a model, by provider, the model that stands for it there; comes before the catalogue's own table.
	Equivalents map[string]map[string]string
	// Prices that override the price book or add to it.
	Prices []Price
	// Checks of what goes in and out.
	Guardrails []Guardrail
	// Virtual keys that the file owns. Others are made by API, command line or console.
	Keys []Key

	// File is the path it was read from, "" when there is none.
	File string `yaml:"-"`
	// Version identifies the file's content: 12 hexadecimal digits of its SHA-256.
	Version string `yaml:"-"`
}

// Auth says whether a request needs one of our keys.
type Auth string

// The two ways.
const (
	Open     Auth = "open"
	Required Auth = "required"
)

// Server bounds what a client may ask of the gateway.
type Server struct {
	// The largest request body.
	MaxBody Size `default:"64MB" min:"1KB"`
	// How long to go on accepting requests after SIGTERM, while the load balancer learns of it.
	DrainDelay time.Duration `default:"0s" min:"0s"`
	// How long requests under way may take after that; what is then left gets an error.
	DrainTimeout time.Duration `default:"10m" min:"0s"`
	// After how much silence a stream gets a comment, so that nobody in between cuts it; 0 sends none.
	Heartbeat time.Duration `default:"15s" min:"0s"`
}

// Bodies says how much of requests and replies is kept.
type Bodies string

// The two ways.
const (
	BodiesFull Bodies = "full"
	BodiesOff  Bodies = "off"
)

// Log says what is kept of each request.
type Log struct {
	// Whether requests and replies are kept whole or not at all. Records are kept in any case.
	Bodies Bodies `default:"full" oneof:"full,off"`
	// The largest body that is kept; of a longer one its beginning.
	BodyLimit Size `default:"16MB" min:"0" max:"16MB"`
	// How long what was logged is kept.
	Retention Retention
	// The least severe message that the program itself prints.
	Level string `default:"info" oneof:"debug,info,warn,error"`
}

// Retention says how long is kept what was logged; 0 is for ever.
type Retention struct {
	// Requests and replies.
	Bodies time.Duration `default:"30d" min:"0s"`
	// Records and ledger lines.
	Records time.Duration `default:"365d" min:"0s"`
}

// Routing says where requests go. Timeout, retry, on_disconnect and on_loss hold where a configured name (and, for timeouts,
// a provider) does not say otherwise.
type Routing struct {
	// The provider of bare model names that none or several know.
	DefaultProvider string
	// Tried in this order when the first choice fails: a provider, which then serves its equivalent of the model, provider/model, or a configured name.
	Fallbacks []string
	// Choices by what a request is; the first that matches counts.
	Rules []Rule
	// Bounds of one upstream call.
	Timeout llm.Timeouts `default:"{connect: 10s, first_byte: 5m, idle: 2m, total: 30m}"`
	// How often to try.
	Retry Retry `default:"{attempts: 3}"`
	// What becomes of the upstream call when the client leaves: cancel ends it, drain reads it to its end for the exact bill.
	OnDisconnect OnDisconnect `default:"cancel" oneof:"cancel,drain"`
	// Whether a translation may lose what the client would notice (tools, response schema, alternatives).
	OnLoss OnLoss `default:"refuse" oneof:"refuse,allow"`
}

// Rule is a choice by what a request is.
type Rule struct {
	// An expression over the request, such as input_tokens > 100000 or task == "simple_classification".
	If string `required:"true"`
	// A provider, a model or a configured name.
	Use string `required:"true"`
}

// Retry bounds the attempts at one request, over all its targets.
type Retry struct {
	// Upstream calls at most, the first included.
	Attempts int `min:"1" max:"20"`
}

// OnDisconnect says what becomes of an upstream call whose client left.
type OnDisconnect string

// The two ways.
const (
	Cancel OnDisconnect = "cancel"
	Drain  OnDisconnect = "drain"
)

// OnLoss says what becomes of a request that cannot be translated whole.
type OnLoss string

// The two ways.
const (
	Refuse OnLoss = "refuse"
	Allow  OnLoss = "allow"
)

// Caching is the response cache.
type Caching struct {
	// Whether to serve from the cache.
	Enabled bool `default:"false"`
	// How long an answer may be served again.
	TTL time.Duration `default:"1h" min:"1s"`
	// A floor on the cosine of semantic hits, from 0 to 1; without it the calibrated decision alone counts.
	SimilarityThreshold *Ratio `min:"0" max:"1"`
}

// Alert is something to tell people about.
type Alert struct {
	// What is watched: spend of the calendar day, or the share of failed requests.
	Type string `oneof:"daily_spend,error_rate" required:"true"`
	// From where on: money for daily_spend ($100), a share for error_rate (5% or 0.05).
	Threshold Threshold `required:"true"`
	// Channels to tell. It shows in log and console in any case.
	Notify []string `commas:"true" oneof:"slack,email,pagerduty,webhook"`
	// The time looked at by error_rate; 5m without it.
	Window time.Duration `min:"1s"`
	// error_rate is silent below so many requests in the window; 20 without it.
	MinRequests int64 `min:"0"`
}

// Notifications are the channels of alerts.
type Notifications struct {
	// Slack; without it SLACK_WEBHOOK_URL.
	Slack *Slack
	// Mail; its server without it TIDEGATE_SMTP_URL.
	Email *Email
	// PagerDuty; without it PAGERDUTY_ROUTING_KEY.
	Pagerduty *Pagerduty
	// Any receiver of JSON.
	Webhook *Webhook
}

// Slack is an incoming webhook.
type Slack struct {
	// The webhook's address; whoever knows it can post.
	URL Secret `required:"true"`
}

// Email is a way to send mail.
type Email struct {
	// The mail server: smtp://user:password@host:587, or smtps://.
	SMTP Secret
	// The sender.
	From string
	// The receivers.
	To []string `commas:"true"`
}

// Pagerduty is an Events API integration.
type Pagerduty struct {
	// The integration's routing key.
	RoutingKey Secret `required:"true"`
}

// Webhook is a receiver of JSON.
type Webhook struct {
	// Where to post to.
	URL Secret `required:"true"`
	// With it, each message is signed.
	Secret Secret
}

// Provider is an upstream under a name of the user's.
type Provider struct {
	Name string `yaml:",key"`
	// Which built-in provider it is; openai is any server that speaks OpenAI's API. Without it, its name.
	Type string
	// Where its API is, up to and including the version; without it, the type's own.
	BaseURL string
	// Its key. A variable that is not set means that there is none.
	APIKey Secret `unset:"ok"`
	// Several keys that share the load.
	APIKeys []Secret `unset:"ok"`
	// The models it serves. Without it, those the catalogue knows.
	Models []string
	// The model used when only the provider is named and has no equivalent of the one asked for.
	DefaultModel string
	// Sent with every request.
	Headers map[string]Secret
	// Bounds of one call there; what is left out is routing's.
	Timeout llm.Timeouts
	// Members put into every request body.
	ExtraBody Raw
}

// Credentials are its keys, in order; none when its variables are not set.
func (p *Provider) Credentials() []Secret {
	if p.APIKey.IsZero() {
		return p.APIKeys
	}
	return append([]Secret{p.APIKey}, p.APIKeys...) // a new slice: the config's own stays as it is
}

// Strategy says how one of a model's targets is chosen.
type Strategy string

// Priority tries the targets in their order. What Unacted names is parsed only.
const Priority Strategy = "priority"

// Model is a name that clients call.
type Model struct {
	Name string `yaml:",key"`
	// How a target is chosen.
	Strategy Strategy `default:"priority" oneof:"priority,weighted,least_latency,least_cost,least_busy,utility,quality,sticky,experiment,mirror,cascade"`
	// What it stands for.
	Targets []Target `required:"true"`
	// How often to try; what is left out is routing's.
	Retry Retry
	// Bounds of one upstream call; what is left out is the provider's.
	Timeout llm.Timeouts
	// As in routing.
	OnDisconnect OnDisconnect `oneof:"cancel,drain"`
	// As in routing.
	OnLoss OnLoss `oneof:"refuse,allow"`
}

// Target is one upstream model behind a name.
type Target struct {
	// As provider/model.
	Model Ref `required:"true"`
	// Its share, for strategies that weigh.
	Weight float64 `default:"1" min:"0"`
}

// Price is what one model costs, in dollars per million tokens. Kinds of input and output that are left out cost what plain
// input and output do; without those, their price is unknown, which is not free.
type Price struct {
	// As provider/model, or a bare model name for all providers; * allowed.
	Model string `required:"true"`
	// Input.
	Input *price.Nano `min:"0" max:"1000000"`
	// Output.
	Output *price.Nano `min:"0" max:"1000000"`
	// Input read from the provider's prompt cache.
	CacheRead *price.Nano `min:"0" max:"1000000"`
	// Input written to it, for the default lifetime.
	CacheWrite *price.Nano `min:"0" max:"1000000"`
	// Input written to it for an hour; without it, twice the input where cache_write is given.
	CacheWrite1h *price.Nano `yaml:"cache_write_1h" min:"0" max:"1000000"`
	// Reasoning.
	Reasoning *price.Nano `min:"0" max:"1000000"`
	// Audio heard.
	AudioIn *price.Nano `min:"0" max:"1000000"`
	// Audio spoken.
	AudioOut *price.Nano `min:"0" max:"1000000"`
	// Images seen.
	ImageIn *price.Nano `min:"0" max:"1000000"`
	// Images made.
	ImageOut *price.Nano `min:"0" max:"1000000"`
	// A thousand web searches that the provider runs.
	Searches *price.Nano `min:"0" max:"1000"`
	// One request, in addition.
	Request price.Nano `min:"0" max:"1"`
	// Costs nothing, whatever is consumed: a server of one's own.
	Free bool
	// How many tokens the model can read at most, where the catalogue does not know.
	Window int64 `min:"1"`
}

// Rates are the prices that are given, in nano-dollars per million of what the meter counts.
func (p *Price) Rates() map[llm.Meter]price.Nano {
	rates := map[llm.Meter]price.Nano{}
	for m, n := range map[llm.Meter]*price.Nano{
		llm.InputText: p.Input, llm.OutputText: p.Output, llm.OutputReasoning: p.Reasoning,
		llm.InputCacheRead: p.CacheRead, llm.InputCacheWrite5m: p.CacheWrite, llm.InputCacheWrite1h: p.CacheWrite1h,
		llm.InputAudio: p.AudioIn, llm.OutputAudio: p.AudioOut, llm.InputImage: p.ImageIn, llm.OutputImage: p.ImageOut,
	} {
		if n != nil {
			rates[m] = *n
		}
	}
	if p.Searches != nil {
		rates[llm.Searches] = *p.Searches * 1000
	}
	return rates
}

// Guardrail is a check of what goes in or out. What its type alone understands is in Settings.
type Guardrail struct {
	// What it is called in logs and headers.
	Name string `required:"true"`
	// Which check it is.
	Type string `required:"true"`
	// How it works, in its type's words.
	Mode string
	// What happens when it finds something.
	OnFail string
	// What happens when it cannot judge: open lets pass, closed refuses.
	OnError string `oneof:"open,closed"`
	// The members that the type itself understands.
	Settings Raw `yaml:",rest"`
}

// Key is a virtual key.
type Key struct {
	// What it is called in logs and reports.
	Name string `required:"true"`
	// The key as clients send it: at least 16 characters.
	Key Secret `required:"true"`
	// The team that it belongs to.
	Team string
	// The user that it belongs to.
	User string
	// The names it may call, or provider/model, * allowed. Without it, all; [] is none.
	Models []string
	// What it may use at a time.
	Limits Limits
	// What it may spend.
	Budgets []Budget
	// From when on it is refused: a date, or a time as 2027-01-31T12:00:00Z.
	ExpiresAt time.Time
	// Free labels.
	Metadata map[string]string
	// What is logged of its requests.
	Log KeyLog
}

// Limits bound a key; what is left out is not limited.
type Limits struct {
	// Requests per minute.
	RPM int64 `min:"1"`
	// Tokens per minute.
	TPM int64 `min:"1"`
	// Requests at the same time.
	Parallel int64 `min:"1"`
}

// Budget is what may be spent in a period.
type Budget struct {
	// The amount.
	Limit price.Nano `required:"true" min:"0"`
	// For how long; total is once.
	Period string `default:"month" oneof:"hour,day,week,month,total"`
	// What happens at the limit: hard refuses, soft tells.
	Mode string `default:"hard" oneof:"hard,soft"`
}

// KeyLog is what is logged of a key's requests.
type KeyLog struct {
	// As log.bodies, for this key; without it, as there.
	Bodies Bodies `oneof:"full,off"`
}

// Provider returns the entry called name.
func (c *Config) Provider(name string) (*Provider, bool) {
	for i := range c.Providers {
		if c.Providers[i].Name == name {
			return &c.Providers[i], true
		}
	}
	return nil, false
}

// Model returns the configured name called name.
func (c *Config) Model(name string) (*Model, bool) {
	for i := range c.Models {
		if c.Models[i].Name == name {
			return &c.Models[i], true
		}
	}
	return nil, false
}

// Restart names what differs in next and takes a restart to change, as the file spells it.
func (c *Config) Restart(next *Config) []string {
	var names []string
	old, other := reflect.ValueOf(c).Elem(), reflect.ValueOf(next).Elem()
	for _, f := range fields(old.Type()) {
		if f.tag.Get("static") != "" && !old.Field(f.index).Equal(other.Field(f.index)) {
			names = append(names, f.name)
		}
	}
	return names
}

// Timeouts are the bounds of one call of provider on behalf of the called name: the name's own, else the provider's, else
// routing's. Neither needs an entry of its own. None is longer than the total.
func (c *Config) Timeouts(provider, called string) llm.Timeouts {
	t := c.Routing.Timeout
	if p, ok := c.Provider(provider); ok {
		t = over(p.Timeout, t)
	}
	if m, ok := c.Model(called); ok {
		t = over(m.Timeout, t)
	}
	return llm.Timeouts{
		Connect: min(t.Connect, t.Total), FirstByte: min(t.FirstByte, t.Total), Idle: min(t.Idle, t.Total), Total: t.Total,
	}
}

// over is t with its gaps filled from base.
func over(t, base llm.Timeouts) llm.Timeouts {
	return llm.Timeouts{
		Connect: cmp.Or(t.Connect, base.Connect), FirstByte: cmp.Or(t.FirstByte, base.FirstByte),
		Idle: cmp.Or(t.Idle, base.Idle), Total: cmp.Or(t.Total, base.Total),
	}
}
