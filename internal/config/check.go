package config

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"tidegate/internal/llm"
)

// minKey is the shortest virtual key, in bytes: shorter ones can be guessed.
const minKey = 16

// checker looks at what single values cannot tell: what refers to what, and what goes together.
type checker struct {
	*report
	*Config
	catalog Catalog
	env     func(string) (string, bool)
}

func (c *checker) check() {
	c.address()
	c.timeouts("routing.timeout", &c.Routing.Timeout)
	c.providers()
	c.models()
	c.routing()
	c.equivalents()
	c.prices()
	c.keys()
	c.alerts()
	distinct(c, "guardrails", c.Guardrails, func(g *Guardrail) string { return g.Name })
}

// address checks where the gateway listens, and that nobody else is let in without a key.
func (c *checker) address() {
	host, port, err := net.SplitHostPort(c.Listen)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strconv.FormatUint(n, 10) != port {
		c.errorf("listen", "%s is not host:port, such as 127.0.0.1:8080", c.quote("listen", c.Listen))
		return
	}
	if c.Data == "" {
		c.errorf("data", "must not be empty")
	}
	switch loopback := Loopback(host); {
	case c.Auth == "" && loopback:
		c.Auth = Open
	case c.Auth == "":
		c.Auth = Required
	case c.Auth == Open && !loopback:
		c.errorf("auth", "open serves anybody and is refused on %s, which is not a loopback address; use required", c.quote("listen", c.Listen))
	}
}

// Loopback tells whether host, a name or an address without port, can only be this machine.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// timeouts checks the bounds that one section gives. Those it inherits are capped at its total, and cannot contradict it.
func (c *checker) timeouts(path string, t *llm.Timeouts) {
	for _, b := range []struct {
		name string
		d    time.Duration
	}{{"connect", t.Connect}, {"first_byte", t.FirstByte}, {"idle", t.Idle}, {"total", t.Total}} {
		at := path + "." + b.name
		switch {
		case !c.given(at):
		case b.d == 0:
			c.errorf(at, "must be more than 0; leave it out for the value around it")
		case c.given(path+".total") && b.d > t.Total:
			c.errorf(at, "%s is longer than the total of %s", showDuration(b.d), showDuration(t.Total))
		}
	}
}

// models checks the configured names and gives them what they leave to routing.
func (c *checker) models() {
	for i := range c.Models {
		m := &c.Models[i]
		path := "models." + m.Name
		c.timeouts(path+".timeout", &m.Timeout)
		m.Retry.Attempts = cmp.Or(m.Retry.Attempts, c.Routing.Retry.Attempts)
		m.OnDisconnect = cmp.Or(m.OnDisconnect, c.Routing.OnDisconnect)
		m.OnLoss = cmp.Or(m.OnLoss, c.Routing.OnLoss)
		var weight float64
		for j := range m.Targets {
			t := &m.Targets[j]
			weight += t.Weight
			if t.Model != (Ref{}) {
				t.Model.Provider = c.provider(fmt.Sprintf("%s.targets[%d].model", path, j), t.Model.Provider)
			}
		}
		if len(m.Targets) > 0 && weight == 0 {
			c.errorf(path+".targets", "at least one needs a weight above 0")
		}
	}
}

func (c *checker) routing() {
	r := &c.Routing
	if r.DefaultProvider != "" {
		r.DefaultProvider = c.provider("routing.default_provider", r.DefaultProvider)
	}
	for i, f := range r.Fallbacks {
		if _, ok := c.Model(f); ok {
			continue
		}
		name, model, pinned := strings.Cut(f, "/")
		r.Fallbacks[i] = c.provider(fmt.Sprintf("routing.fallbacks[%d]", i), name)
		if pinned {
			r.Fallbacks[i] += "/" + model
		}
	}
	for i := range r.Rules {
		r.Rules[i].Use = c.name(fmt.Sprintf("routing.rules[%d].use", i), r.Rules[i].Use)
	}
}

func (c *checker) equivalents() {
	for model, at := range c.Equivalents {
		path := "equivalents." + model
		same := make(map[string]string, len(at))
		for provider, stands := range at {
			same[c.provider(path+"."+provider, provider)] = stands
		}
		c.Equivalents[model] = same
	}
}

func (c *checker) prices() {
	for i := range c.Prices {
		p, path := &c.Prices[i], fmt.Sprintf("prices[%d]", i)
		p.Model = c.name(path+".model", p.Model)
		if len(p.Rates()) == 0 && p.Request == 0 && p.Window == 0 && !p.Free && !c.wrong(path) {
			c.errorf(path, "gives no price")
		}
	}
	distinct(c, "prices", c.Prices, func(p *Price) string { return p.Model })
}

func (c *checker) keys() {
	distinct(c, "keys", c.Keys, func(k *Key) string { return k.Name })
	holder := map[Secret]int{}
	for i := range c.Keys {
		k, path := &c.Keys[i], fmt.Sprintf("keys[%d]", i)
		text := k.Key.Reveal()
		switch other, twice := holder[k.Key]; {
		case c.wrong(path+".key") || !c.given(path+".key"):
		case len(text) < minKey || strings.ContainsAny(text, " \t"):
			c.errorf(path+".key", "a key has at least %d characters and no spaces", minKey)
		case twice:
			c.errorf(path+".key", "is the key of keys[%d] as well", other)
		default:
			holder[k.Key] = i
		}
		for j := range k.Models {
			k.Models[j] = c.name(fmt.Sprintf("%s.models[%d]", path, j), k.Models[j])
		}
	}
}

// alerts checks that thresholds have the right unit and that channels are set up. Those set up in the environment become part of the config.
func (c *checker) alerts() {
	c.channels()
	for i := range c.Alerts {
		a, path := &c.Alerts[i], fmt.Sprintf("alerts[%d]", i)
		_, money := a.Threshold.Money()
		share, isShare := a.Threshold.Ratio()
		switch {
		case !c.given(path + ".threshold"):
		case a.Type == "daily_spend" && !money:
			c.errorf(path+".threshold", "daily_spend wants an amount such as $100")
		case a.Type == "error_rate" && (!isShare || share <= 0 || share > 1):
			c.errorf(path+".threshold", "error_rate wants a share of at most 1, such as 5%% or 0.05")
		}
		for j, channel := range a.Notify {
			at := fmt.Sprintf("%s.notify[%d]", path, j)
			if missing := c.missing(channel); missing != "" {
				c.warnf(at, "%s is not set up: give %s; the alert shows in log and console only", channel, missing)
			}
		}
	}
	if t := c.Caching.SimilarityThreshold; t != nil && *t > 0.909 {
		c.warnf("caching.similarity_threshold", "a floor on the cosine of semantic hits: at %v the France/capital-city pair, cosine 0.909, misses", *t)
	}
}

func (c *checker) channels() {
	n := &c.Notifications
	if url := c.variable("SLACK_WEBHOOK_URL"); n.Slack == nil && !url.IsZero() {
		n.Slack = &Slack{URL: url}
	}
	if key := c.variable("PAGERDUTY_ROUTING_KEY"); n.Pagerduty == nil && !key.IsZero() {
		n.Pagerduty = &Pagerduty{RoutingKey: key}
	}
	if smtp := c.variable("TIDEGATE_SMTP_URL"); !smtp.IsZero() {
		if n.Email == nil {
			n.Email = &Email{}
		}
		if n.Email.SMTP.IsZero() {
			n.Email.SMTP = smtp
		}
	}
}

// missing says what a channel needs and does not have, "" when it is set up.
func (c *checker) missing(channel string) string {
	n := &c.Notifications
	switch {
	case channel == "slack" && n.Slack == nil:
		return "notifications.slack.url or SLACK_WEBHOOK_URL"
	case channel == "pagerduty" && n.Pagerduty == nil:
		return "notifications.pagerduty.routing_key or PAGERDUTY_ROUTING_KEY"
	case channel == "webhook" && n.Webhook == nil:
		return "notifications.webhook.url"
	case channel == "email" && (n.Email == nil || n.Email.SMTP.IsZero()):
		return "notifications.email.smtp or TIDEGATE_SMTP_URL"
	case channel == "email" && len(n.Email.To) == 0:
		return "notifications.email.to"
	}
	return ""
}

func (c *checker) variable(name string) Secret {
	value, _ := c.env(name)
	return NewSecret(strings.TrimSpace(value))
}

// distinct reports elements of a list that have the name of an earlier one.
func distinct[T any](c *checker, list string, items []T, name func(*T) string) {
	first := map[string]int{}
	for i := range items {
		n := name(&items[i])
		if j, twice := first[n]; twice && n != "" {
			c.errorf(fmt.Sprintf("%s[%d]", list, i), "is there already, as %s[%d]", list, j)
			continue
		}
		first[n] = i
	}
}
