// Package app puts the program together: it reads the configuration, opens the data folder, builds a snapshot, serves, takes
// changed configurations, and ends without losing anything. It only wires; it is the one package that may know all others.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"tidegate/internal/admin"
	"tidegate/internal/config"
	"tidegate/internal/fake"
	"tidegate/internal/front"
	"tidegate/internal/gate"
	"tidegate/internal/llm"
	"tidegate/internal/login"
	"tidegate/internal/logs"
	"tidegate/internal/price"
	"tidegate/internal/provider"
	"tidegate/internal/route"
	"tidegate/internal/spool"
	"tidegate/internal/store/sqlite"
	"tidegate/internal/telemetry"
	"tidegate/internal/web"
)

// writeTimeout is how long a client may leave a frame unread.
const writeTimeout = 60 * time.Second

// Options is what the command line says.
type Options struct {
	Loader  config.Loader
	Version string
	Out     io.Writer    // what a person reads at start
	Log     *slog.Logger // everything after
	Level   *slog.LevelVar
	Reload  <-chan struct{}  // SIGHUP
	Ready   func(url string) // called once requests are answered; may be nil
}

// Serve runs the gateway until ctx ends, then lets what is under way finish.
func Serve(ctx context.Context, opt Options) (err error) {
	cfg, warnings, err := opt.Loader.Load(opt.Loader.Path())
	if err != nil {
		return err
	}
	a := &app{Options: opt}
	a.take(cfg)
	a.say(cfg, warnings)
	listener, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := a.open(ctx, cfg); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return a.run(ctx, cfg, listener)
}

type app struct {
	Options
	applying sync.Mutex // one change at a time
	config   atomic.Pointer[config.Config]
	env      config.Env
	admin    string // key; "" when the admin API is off
	builder  *builder
	spool    *spool.Spool
	db       *sqlite.DB
	journal  *logs.Journal
	metrics  *telemetry.Metrics
	gate     *gate.Gate
	front    *front.Front
	desk     *login.Desk
}

// take makes cfg the one in force for what asks for it.
func (a *app) take(cfg *config.Config) {
	a.config.Store(cfg)
	if a.Level != nil {
		_ = a.Level.UnmarshalText([]byte(cfg.Log.Level)) // the loader has checked it
	}
}

// say tells what a person should know of the configuration, one line each.
func (a *app) say(cfg *config.Config, warnings []config.Problem) {
	for _, w := range warnings {
		a.Log.Warn(w.String())
	}
	a.env = config.FromEnv(a.Loader.Env)
	for _, line := range append(cfg.Unacted(), a.env.Unacted()...) {
		a.Log.Warn(line)
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("the address %s is taken by another program (a second tidegate?): choose another with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("the address %s may not be used by this user: ports below 1024 need the right to", address)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
}

// open takes the data folder and builds the first snapshot.
func (a *app) open(ctx context.Context, cfg *config.Config) (err error) {
	if err := folder(cfg.Data); err != nil {
		return err
	}
	pepper, err := secret(a.env.Secret.Reveal(), cfg.Data, "secret.key")
	if err != nil {
		return fmt.Errorf("the gateway's secret: %w", err)
	}
	if a.admin, err = a.adminKey(cfg); err != nil {
		return fmt.Errorf("the admin key: %w", err)
	}
	if a.spool, err = spool.Open(filepath.Join(cfg.Data, "spool"), spool.Options{}); err != nil {
		return err
	}
	if a.db, err = sqlite.Open(ctx, filepath.Join(cfg.Data, "tidegate.db")); err != nil {
		return errors.Join(err, a.spool.Close())
	}
	a.journal = logs.New(a.spool, a.db.Log(), logs.Options{
		BodyLimit: int(cfg.Log.BodyLimit), KeepBodies: keep(cfg.Log.Retention.Bodies), KeepRecords: keep(cfg.Log.Retention.Records), Log: a.Log,
	})
	a.metrics = telemetry.New(a.Version)
	a.gauges()
	a.builder = &builder{
		book: func() (*price.Book, error) { return Book(cfg.Data) }, transport: provider.NewTransport(cfg.Routing.Timeout.Connect), demo: fake.New(fake.Options{Open: true, NoRecord: true}),
		pepper: []byte(pepper), env: a.Loader.Env,
	}
	state, err := a.builder.build(cfg)
	if err != nil {
		return errors.Join(err, a.close())
	}
	a.gate = gate.New(state, route.NewCaller(int64(cfg.Server.MaxBody)), a.journal, a.metrics, a.Log)
	a.front = front.New(a.gate, front.Limits{
		Body: int64(cfg.Server.MaxBody), Heartbeat: cfg.Server.Heartbeat, Write: writeTimeout,
	}, a.journal.Healthy, a.Log)
	return nil
}

// keep turns the configuration's "0 is for ever" into the journal's.
func keep(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// adminKey is empty where the admin API is off: on a public address that was not given a key.
func (a *app) adminKey(cfg *config.Config) (string, error) {
	host, _, _ := net.SplitHostPort(cfg.Listen)
	if given := a.env.AdminKey.Reveal(); given != "" || !config.Loopback(host) {
		return given, nil
	}
	return secret("", cfg.Data, "admin.key")
}

func (a *app) gauges() {
	gauge := func(name, help string, value func(logs.Stats) float64) {
		a.metrics.Gauge(name, help, func() float64 { return value(a.journal.Stats()) })
	}
	gauge("tidegate_spool_pending_bytes", "Records on disk that the store does not have yet.", func(s logs.Stats) float64 { return float64(s.Spool.Pending) })
	gauge("tidegate_log_queue_bytes", "Bodies in memory on their way to the store.", func(s logs.Stats) float64 { return float64(s.QueueBytes) })
	gauge("tidegate_log_bodies_shed", "Bodies dropped for want of room, since the start.", func(s logs.Stats) float64 { return float64(s.Shed) })
	gauge("tidegate_log_store_errors", "Failed attempts at storing, since the start.", func(s logs.Stats) float64 { return float64(s.StoreErrors) })
	gauge("tidegate_log_lag_seconds", "How long the store has been behind.", func(s logs.Stats) float64 { return s.Lag.Seconds() })
	gauge("tidegate_spool_refused", "Records that could not be written, since the start.", func(s logs.Stats) float64 { return float64(s.Refused) })
}

func (a *app) close() error {
	return errors.Join(a.spool.Close(), a.db.Close())
}

// handler is everything that the program serves.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	a.front.Register(mux)
	mux.Handle("GET /metrics", a.metrics.Handler())
	mux.Handle("GET /{$}", http.RedirectHandler("/console/", http.StatusFound))
	mux.Handle("/console/", web.Handler())
	mux.Handle("GET /console", http.RedirectHandler("/console/", http.StatusMovedPermanently))
	if a.admin != "" {
		a.desk = login.New(a.admin, time.Now)
		mux.Handle("/admin/v1/", admin.Handler(admin.Options{
			Desk: a.desk, Logs: a.db.Log(), Tail: a.journal, Version: a.Version,
			Config: func() jsontext.Value { return a.config.Load().Redacted() },
		}))
	}
	return a.front.Guard(mux)
}

// stopping is why exchanges end that outlast the drain.
var stopping = &llm.Error{Class: llm.Overloaded, Status: http.StatusServiceUnavailable, Code: "gateway_stopping", Message: "the gateway is stopping"}

func (a *app) run(ctx context.Context, cfg *config.Config, listener net.Listener) error {
	requests, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	server := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return requests },
		ErrorLog:    slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	workers, stopWorkers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorkers()
	var group errgroup.Group
	group.Go(func() error { return a.journal.Run(workers) })
	group.Go(func() error { return a.watch(workers, cfg) })
	if _, chosen := a.Loader.Env("GOGC"); !chosen {
		group.Go(func() error { return pace(workers) })
	}
	failed := make(chan error, 1)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
			return err
		}
		return nil
	})
	a.banner(cfg, listener.Addr().String())
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	a.drain(server, abort)
	stopWorkers()
	return errors.Join(err, group.Wait())
}

// drain lets the load balancer learn, then what is under way finish, and then ends the rest with an error of its own.
func (a *app) drain(server *http.Server, abort context.CancelCauseFunc) {
	cfg := a.config.Load()
	a.front.Drain()
	a.Log.Info("stopping: waiting for requests under way", "at_most", cfg.Server.DrainTimeout)
	if cfg.Server.DrainDelay > 0 {
		time.Sleep(cfg.Server.DrainDelay) //nolint:forbidigo // the delay is the feature: nothing signals that a balancer has noticed
	}
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Server.DrainTimeout)
	defer cancel()
	if server.Shutdown(ctx) == nil {
		return
	}
	a.Log.Warn("requests outlast the drain timeout and are ended")
	abort(stopping)
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = a.gate.Drain(last)
	_ = server.Close()
}

// watch takes changed configurations, and on SIGHUP also a changed price book.
func (a *app) watch(ctx context.Context, cfg *config.Config) error {
	w := a.Loader.Watch(cfg, func(next *config.Config, warnings []config.Problem, err error) {
		if err == nil {
			err = a.apply(next)
		}
		a.metrics.Reloaded(err)
		if err != nil {
			a.Log.Error("the changed configuration is not used; the one before stays in force", "error", err)
			return
		}
		a.say(next, warnings)
		a.Log.Info("the changed configuration is in force", "version", next.Version)
	})
	var group errgroup.Group
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-a.Reload:
			}
			if err := a.apply(a.config.Load()); err != nil {
				a.Log.Error("the price book is not used; the one before stays in force", "error", err)
			}
			w.Trigger()
		}
	})
	return group.Wait()
}

// apply builds a snapshot and puts it in force, or leaves everything as it was.
func (a *app) apply(cfg *config.Config) error {
	a.applying.Lock()
	defer a.applying.Unlock()
	state, err := a.builder.build(cfg)
	if err != nil {
		return err
	}
	for _, key := range a.config.Load().Restart(cfg) {
		a.Log.Warn("this change needs a restart", "key", key)
	}
	a.take(cfg)
	a.gate.Swap(state)
	return nil
}

// banner is the first thing a newcomer reads.
func (a *app) banner(cfg *config.Config, address string) {
	url := "http://" + address
	var b strings.Builder
	fmt.Fprintf(&b, "Tidegate %s\n  gateway   %s/v1\n  console   %s/console/\n  data      %s\n", a.Version, url, url, cfg.Data)
	var names []string
	for _, u := range a.gate.State().Routes.Upstreams {
		if u.Usable() {
			names = append(names, u.Name)
		}
	}
	fmt.Fprintf(&b, "  providers %s\n", strings.Join(names, ", "))
	if cfg.Auth == config.Open {
		fmt.Fprint(&b, "  auth      open: everybody on this machine may call without a key (auth: required changes that)\n")
	}
	switch {
	case a.admin == "":
		fmt.Fprint(&b, "  admin     off: set TIDEGATE_ADMIN_KEY to use console and admin API on this address\n")
	case a.env.AdminKey.IsZero():
		fmt.Fprintf(&b, "  sign in   %s/console/#link=%s  (once, within an hour; the admin key is in %s)\n", url, a.desk.Link(), filepath.Join(cfg.Data, "admin.key"))
	}
	if !web.Built() {
		fmt.Fprint(&b, "  The console was not built into this program: install Node.js and run 'make build'.\n")
	}
	if len(names) == 1 && names[0] == demo.Name {
		fmt.Fprintf(&b, "\nNo provider key found. Try it without one:\n\n  curl %s/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{\"model\": \"demo/chat\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'\n\n", url)
	}
	_, _ = io.WriteString(a.Out, b.String()) // nobody reads: nothing to tell them
	if a.Ready != nil {
		a.Ready(url)
	}
}
