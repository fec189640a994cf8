// Package provider is the table of upstreams, their credentials, and the way to reach them.
//
// A provider is data: a row in catalog.go says where it is, how it authenticates, which dialect it speaks and where it
// deviates. Code is only here for what is the same for all: the connection and its timeouts. The package knows neither
// clients nor routing nor money.
package provider

import "tidegate/internal/llm"

// Auth is how a provider takes its key.
type Auth string

// The schemes.
const (
	Bearer   Auth = "bearer"         // Authorization: Bearer KEY
	XAPIKey  Auth = "x-api-key"      // Anthropic
	XGoogKey Auth = "x-goog-api-key" // Gemini; in a header, since keys in URLs end up in logs
	AzureKey Auth = "api-key"        // Azure
	NoAuth   Auth = "none"           // local servers; a key that is given is sent as bearer
)

// Row describes one provider.
type Row struct {
	Name    string // as in provider/model and in config
	Title   string // as people write it
	Aliases []string
	BaseURL string // up to and including the version segment; "" when only the user can know it
	Path    string // what a configured address gets that has no path; "" for nothing
	Auth    Auth
	Env     []string // variables that hold the key; the first that is set switches the provider on
	Local   bool     // runs on the user's machine: needs no key, is not switched on by the environment
	Dialect llm.Dialect
	Issuer  string            // whose seals it accepts; "" issues none
	Prices  string            // the provider's name in the price book; "" is Name
	Header  map[string]string // sent with every request (anthropic-version)
	Default string            // model used when only the provider is named
	Quirks  llm.Quirks
	Doc     string // the vendor's page behind the row
	Seen    string // when it was read or recorded, YYYY-MM-DD
}
