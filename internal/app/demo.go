package app

import (
	"tidegate/internal/llm"
	"tidegate/internal/price"
	"tidegate/internal/provider"
)

// demo is the provider that needs no account: the scripted upstream, in process. Its address is never dialled.
var demo = provider.Row{
	Name: "demo", Title: "Demo (scripted upstream)", BaseURL: "http://127.0.0.1/v1", Auth: provider.NoAuth, Local: true,
	Dialect: llm.OpenAIChat, Default: "chat",
}

// demoPrices let a newcomer see costs: they are nobody's real ones.
var demoPrices = price.Override{Model: "*", Prices: map[llm.Meter]price.Nano{
	llm.InputText: 500_000_000, llm.InputCacheRead: 50_000_000, llm.OutputText: 1_500_000_000,
}}

// lookup finds a built-in provider by name or alias.
func lookup(name string) (provider.Row, bool) {
	if name == demo.Name {
		return demo, true
	}
	return provider.Lookup(name)
}
