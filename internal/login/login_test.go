package login

import (
	"errors"
	"testing"
	"time"
)

func TestDesk(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := New("the-admin-key", func() time.Time { return now })

	session, err := d.SignIn("the-admin-key", "")
	if err != nil || !d.Session(session) || d.Session("another") || d.Session("") {
		t.Fatalf("signing in by key: %v", err)
	}
	d.SignOut(session)
	if d.Session(session) {
		t.Error("signed out, but still in")
	}

	link := d.Link()
	session, err = d.SignIn("", link)
	if err != nil || !d.Session(session) {
		t.Fatalf("signing in by link: %v", err)
	}
	if _, err := d.SignIn("", link); !errors.Is(err, ErrRefused) {
		t.Errorf("a link worked twice: %v", err)
	}
	late := d.Link()
	now = now.Add(LinkLife)
	if _, err := d.SignIn("", late); !errors.Is(err, ErrRefused) {
		t.Errorf("an old link worked: %v", err)
	}
	now = now.Add(SessionLife)
	if d.Session(session) {
		t.Error("the session did not end")
	}
	if _, err := d.SignIn("", ""); !errors.Is(err, ErrRefused) {
		t.Errorf("nothing signed in: %v", err)
	}
}

func TestGuessing(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := New("the-admin-key", func() time.Time { return now })
	for range maxFailures {
		if _, err := d.SignIn("wrong", ""); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	if _, err := d.SignIn("the-admin-key", ""); !errors.Is(err, ErrTooMany) {
		t.Errorf("guessing goes on: %v", err)
	}
	now = now.Add(2 * time.Minute)
	if _, err := d.SignIn("the-admin-key", ""); err != nil {
		t.Errorf("locked out for good: %v", err)
	}
}

func TestManySessions(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := New("the-admin-key", func() time.Time { now = now.Add(time.Second); return now })
	first, _ := d.SignIn("the-admin-key", "")
	for range maxSessions {
		if _, err := d.SignIn("the-admin-key", ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.sessions) > maxSessions || d.Session(first) {
		t.Errorf("%d sessions, the first one still in: %v", len(d.sessions), d.Session(first))
	}
}
