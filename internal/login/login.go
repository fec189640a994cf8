// Package login lets the operator in: by the admin key, by the one-time link printed at start, and from then on by a session.
// It holds hashes only, so that nothing it prints or leaks lets anybody in.
//
// It knows no HTTP; package admin puts sessions into cookies.
package login

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
	"time"
)

// How long things last, and how many wrong keys a minute are heard at all.
const (
	SessionLife = 12 * time.Hour
	LinkLife    = time.Hour
	maxSessions = 256
	maxFailures = 10
)

// Why somebody is not let in.
var (
	ErrRefused = errors.New("this key or link is not valid")
	ErrTooMany = errors.New("too many failed sign-ins: wait a minute")
)

type hash = [sha256.Size]byte

// Desk is where people sign in. It is safe for concurrent use.
type Desk struct {
	admin hash
	now   func() time.Time

	mu       sync.Mutex
	links    map[hash]time.Time // until
	sessions map[hash]time.Time // until
	failures []time.Time        // of the last minute
}

// New makes a desk that knows the admin key, which must not be empty.
func New(adminKey string, now func() time.Time) *Desk {
	return &Desk{admin: sha256.Sum256([]byte(adminKey)), now: now, links: map[hash]time.Time{}, sessions: map[hash]time.Time{}}
}

// Link makes a token that signs in once.
func (d *Desk) Link() string {
	token := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.links[sha256.Sum256([]byte(token))] = d.now().Add(LinkLife)
	return token
}

// Key tells whether this is the admin key.
func (d *Desk) Key(key string) bool {
	h := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(h[:], d.admin[:]) == 1
}

// SignIn exchanges the admin key or a link's token for a session. A token is used up. Errors: ErrRefused, ErrTooMany.
func (d *Desk) SignIn(key, link string) (session string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for len(d.failures) > 0 && now.Sub(d.failures[0]) > time.Minute {
		d.failures = d.failures[1:]
	}
	if len(d.failures) >= maxFailures {
		return "", ErrTooMany
	}
	h := sha256.Sum256([]byte(link))
	until, known := d.links[h]
	delete(d.links, h)
	if !(key != "" && d.Key(key)) && !(known && now.Before(until)) {
		d.failures = append(d.failures, now)
		return "", ErrRefused
	}
	d.forget(now)
	session = rand.Text() + rand.Text()
	d.sessions[sha256.Sum256([]byte(session))] = now.Add(SessionLife)
	return session, nil
}

// forget drops what is over, and the oldest session when there are too many.
func (d *Desk) forget(now time.Time) {
	var oldest hash
	for h, until := range d.sessions {
		if !now.Before(until) {
			delete(d.sessions, h)
		} else if o, ok := d.sessions[oldest]; !ok || until.Before(o) {
			oldest = h
		}
	}
	if len(d.sessions) >= maxSessions {
		delete(d.sessions, oldest)
	}
}

// Session tells whether the session is signed in.
func (d *Desk) Session(session string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	until, ok := d.sessions[sha256.Sum256([]byte(session))]
	return ok && d.now().Before(until)
}

// SignOut ends a session.
func (d *Desk) SignOut(session string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, sha256.Sum256([]byte(session)))
}
