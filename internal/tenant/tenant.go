// Package tenant knows who calls: virtual keys and what they may use. Keys are held only as keyed hashes, so that neither a
// copy of the memory's index nor of the data folder gives one away.
//
// It knows no HTTP, no provider and no money.
package tenant

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"tidegate/internal/llm"
)

// Prefix begins every key that the gateway makes, so that a mistyped one is told apart from a vendor's key.
const Prefix = "tg-"

// Key is a virtual key, without its secret.
type Key struct {
	ID       string
	Team     string
	User     string
	Models   []string  // nil: all; empty: none. Called names or provider/model, with * as in shell patterns
	Expires  time.Time // zero: never
	Bodies   *bool     // whether bodies are logged; nil: as configured for all
	Metadata map[string]string
}

// Local is the principal of a gateway that is open on the loopback interface.
var Local = &Key{}

// Allows tells whether the key may use target ("provider/model") when the client called name. A configured name allows its
// own targets through that name; own says that target is one of them.
func (k *Key) Allows(name, target string, own bool) bool {
	if k.Models == nil {
		return true
	}
	return slices.ContainsFunc(k.Models, func(pattern string) bool {
		return own && match(pattern, name) || match(pattern, target)
	})
}

// match is path.Match in which * also matches the slashes that model names contain.
func match(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*?[") {
		return pattern == name
	}
	slash := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(slash.Replace(pattern), slash.Replace(name))
	return err == nil && ok
}

type digest [sha256.Size]byte

// Index finds keys by their secret. It is immutable.
type Index struct {
	macs sync.Pool // hash.Hash with the pepper in it: preparing one costs more than using it
	open bool
	keys map[digest]*Key
}

// NewIndex makes an index. The pepper is the gateway's secret; with open, requests without one of our keys are served as Local.
func NewIndex(pepper []byte, open bool) *Index {
	x := &Index{open: open, keys: map[digest]*Key{}}
	x.macs.New = func() any { return hmac.New(sha256.New, pepper) }
	return x
}

// With adds a key while the index is being built.
func (x *Index) With(secret string, key *Key) { x.keys[x.hash(secret)] = key }

// Open tells whether requests without a key are served.
func (x *Index) Open() bool { return x.open }

func (x *Index) hash(secret string) (d digest) {
	mac := x.macs.Get().(hash.Hash)
	defer x.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(secret))
	mac.Sum(d[:0])
	return d
}

// Admit finds whose credential it is. An open index serves strangers as Local, but a key of ours that is wrong is still
// wrong. Failures are *llm.Error of class Credential with status 401; they never repeat the credential.
func (x *Index) Admit(credential string, now time.Time) (*Key, error) {
	if credential == "" {
		if x.open {
			return Local, nil
		}
		return nil, refused("missing_api_key", "no API key: send one as 'Authorization: Bearer KEY'")
	}
	key := x.keys[x.hash(credential)]
	switch {
	case key != nil && !key.Expires.IsZero() && !now.Before(key.Expires):
		return nil, refused("expired_api_key", "this API key has expired")
	case key != nil:
		return key, nil
	case x.open && !strings.HasPrefix(credential, Prefix):
		return Local, nil
	}
	return nil, refused("invalid_api_key", "this API key is not known here")
}

func refused(code, message string) *llm.Error {
	return &llm.Error{Class: llm.Credential, Status: http.StatusUnauthorized, Code: code, Message: message}
}
