package program

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tidegate/test/rig"
)

// TestDiskFull fills the disk under the data folder. What was answered before is in the ledger, what can no longer be written
// down is refused by name, and the gateway serves again once there is room. It needs the right to mount.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("skipped 1 test: a file system of its own cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	up := rig.Fake(t)
	g := rig.Serve(t, rig.Setup{Dir: dir, Config: rig.Providers(up.URL)})
	answered := map[string]bool{}
	call := func(n int) *rig.Answer {
		t.Helper()
		a := g.Post(t, chat, ask("openai/chat", n%2 == 0))
		if a.Status == 200 {
			if n%2 == 0 && !strings.HasSuffix(a.Body, "[DONE]\n\n") {
				t.Fatalf("a stream broke off: %s", a.Body)
			}
			answered[a.ID()] = true
		}
		return a
	}
	for n := range 50 {
		if a := call(n); a.Status != 200 {
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
	}
	filler := filepath.Join(data, "filler")
	fillUp(t, filler)
	var refused *rig.Answer
	for n := 0; refused == nil; n++ {
		if a := call(n); a.Status != 200 {
			refused = a
		}
		if n > 50_000 {
			t.Fatal("it never says that the disk is full")
		}
		if n%100 == 0 {
			fillUp(t, filler) // the rest of what was let go
		}
	}
	t.Logf("%d requests were answered before the disk was too full", len(answered))
	if refused.Status != 503 || !strings.Contains(refused.Body, `"storage_unavailable"`) || refused.Header.Get("Retry-After") == "" {
		t.Errorf("status %d: %s", refused.Status, refused.Body)
	}
	if strings.Contains(refused.Body, dir) {
		t.Errorf("the client is told where: %s", refused.Body)
	}
	if a := g.Get(t, "/readyz"); a.Status != 503 || !strings.Contains(a.Body, "books") {
		t.Errorf("readyz: %d %s", a.Status, a.Body)
	}
	if a := g.Get(t, "/healthz"); a.Status != 200 {
		t.Errorf("healthz: %d", a.Status)
	}
	g.Err.Find(t, `(?i)disk full|no space left`)
	before := len(up.Received(t))
	if a := call(1); a.Status != 503 || len(up.Received(t)) != before {
		t.Errorf("a request that cannot be booked went out: status %d", a.Status)
	}
	if r := rig.Run(t, dir, nil, "doctor", "--offline"); r.Code != 1 || !strings.Contains(r.Out, "BAD") {
		t.Errorf("doctor: %+v", r)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	rig.Until(t, "serving again", func() bool { return call(1).Status == 200 })
	if a := g.Get(t, "/readyz"); a.Status != 200 {
		t.Errorf("readyz: %d %s", a.Status, a.Body)
	}
	for n := range 20 {
		if a := call(n); a.Status != 200 {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	}
	g.Stop(t)
	rows := exported(t, dir)
	for id := range answered {
		if len(rows[id]) != 1 || rows[id][0].Outcome != "ok" {
			b, _ := json.Marshal(rows[id])
			t.Errorf("%s was answered and is in the ledger as %s", id, b)
		}
	}
}

// fillUp writes until nothing more fits.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
