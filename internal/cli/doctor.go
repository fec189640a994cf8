package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"tidegate/internal/app"
	"tidegate/internal/provider"
	"tidegate/internal/store/sqlite"
	"tidegate/internal/web"
)

type doctorCmd struct {
	from
	Offline bool `help:"Do not try to reach the providers."`
}

// finding is what one look found: good, worth knowing, or in the way.
type finding struct {
	mark string
	text string
}

func good(format string, a ...any) finding { return finding{"ok  ", fmt.Sprintf(format, a...)} }
func note(format string, a ...any) finding { return finding{"note", fmt.Sprintf(format, a...)} }
func bad(format string, a ...any) finding  { return finding{"BAD ", fmt.Sprintf(format, a...)} }

func (c doctorCmd) Run(ctx context.Context, p Process) error {
	worst := 0
	tell := func(fs ...finding) {
		for _, f := range fs {
			fmt.Fprintln(p.Out, f.mark, f.text)
			if f.mark == "BAD " {
				worst++
			}
		}
	}
	loader := c.loader(p)
	cfg, warnings, err := loader.Load(loader.Path())
	if err != nil {
		tell(bad("configuration: %v", err))
		return errShown
	}
	for _, w := range warnings {
		tell(note("configuration: %v", w))
	}
	for _, line := range cfg.Unacted() {
		tell(note("%s", line))
	}
	tell(good("configuration %s", orDash(cfg.File)))
	tell(data(ctx, cfg.Data)...)
	tell(port(ctx, cfg.Listen))
	tell(prices(cfg.Data))
	if web.Built() {
		tell(good("console is built in"))
	} else {
		tell(note("console is not built in: install Node.js and run 'make build'"))
	}
	upstreams, err := app.Upstreams(cfg, p.Env)
	if err != nil {
		tell(bad("%v", err))
	}
	if len(upstreams) == 0 {
		tell(note("no provider has a key: only demo/… can be called"))
	}
	for _, u := range upstreams {
		tell(reach(ctx, u, c.Offline))
	}
	if worst > 0 {
		fmt.Fprintf(p.Out, "%d things are in the way\n", worst)
		return errShown
	}
	return nil
}

// data looks at the folder, the database and the room on the disk.
func data(ctx context.Context, dir string) []finding {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return []finding{note("data folder %s does not exist yet: the first start makes it", dir)}
	}
	probe, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return []finding{bad("data folder %s cannot be written", dir)}
	}
	_ = probe.Close() // it was only made to be removed
	_ = os.Remove(probe.Name())
	out := []finding{good("data folder %s can be written", dir)}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err == nil {
		free := int64(fs.Bavail) * int64(fs.Bsize) >> 20 //nolint:unconvert // the fields have other types on other systems
		if free < 1024 {
			out = append(out, bad("only %d MB are free there", free))
		} else {
			out = append(out, good("%d GB are free there", free>>10))
		}
	}
	path := filepath.Join(dir, "tidegate.db")
	if _, err := os.Stat(path); err != nil {
		return out
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return append(out, bad("%v", err))
	}
	defer db.Close()
	return append(out, good("database can be read"))
}

func prices(dir string) finding {
	book, err := app.Book(dir)
	if err != nil {
		return bad("%v", err)
	}
	if day, err := time.Parse(time.DateOnly, book.Date()); err == nil && time.Since(day) > 120*24*time.Hour {
		return note("price book %s is of %s: prices have probably changed since", book.Version(), book.Date())
	}
	return good("price book %s of %s", book.Version(), book.Date())
}

// port tells whether the gateway runs, could, or cannot.
func port(ctx context.Context, address string) finding {
	client := http.Client{Timeout: 2 * time.Second}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return bad("listen address %s: %v", address, err)
	}
	if resp, err := client.Do(req); err == nil {
		defer resp.Body.Close()
		state, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // half an answer says as much
		if resp.StatusCode == http.StatusOK {
			return good("a gateway answers on %s", address)
		}
		return bad("%s answers %d: %s", address, resp.StatusCode, state)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return bad("%s is taken by a program that is no gateway, or may not be used", address)
	}
	_ = l.Close() // it was only opened to see whether it can be
	return good("%s is free", address)
}

// reach connects to a provider without sending anything that costs.
func reach(ctx context.Context, u *provider.Upstream, offline bool) finding {
	if !u.Usable() {
		return note("%s has no key: set %s", u.Name, first(u.Env))
	}
	if offline || u.Base == nil {
		return good("%s is configured", u.Name)
	}
	d := net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", hostPort(u.Base))
	if err != nil {
		return bad("%s cannot be reached at %s", u.Name, u.Base.Host)
	}
	_ = conn.Close() // nothing was sent
	return good("%s can be reached at %s", u.Name, u.Base.Host)
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "http" {
		return u.Host + ":80"
	}
	return u.Host + ":443"
}

func first(list []string) string {
	if len(list) == 0 {
		return "api_key"
	}
	return list[0]
}
