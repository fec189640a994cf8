package provider

import (
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// pool keeps connections that wait for their next use, by address, the one that was used last on top. Its zero value is ready.
type pool struct {
	mu    sync.Mutex
	idle  map[string][]*conn // in the order of conn.since
	sweep *time.Timer        // nil: nothing is idle
}

// take is a connection that still seems to live, or nil.
func (p *pool) take(address string) *conn {
	for {
		p.mu.Lock()
		list := p.idle[address]
		if len(list) == 0 {
			p.mu.Unlock()
			return nil
		}
		c := list[len(list)-1]
		list[len(list)-1] = nil
		p.idle[address] = list[:len(list)-1]
		p.mu.Unlock()
		if c.alive() {
			return c
		}
		c.Close()
	}
}

// put keeps a connection, or closes it when there are enough.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[c.address]
	if len(list) >= idlePerHost {
		c.Close()
		return
	}
	c.since = time.Now()
	if p.idle == nil {
		p.idle = map[string][]*conn{}
	}
	p.idle[c.address] = append(list, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(idleTimeout, p.expire)
	}
}

// expire closes what has been idle for too long, and comes back for the rest.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.sweep = nil
	next := time.Duration(0)
	for address, list := range p.idle {
		n := slices.IndexFunc(list, func(c *conn) bool { return now.Sub(c.since) < idleTimeout })
		if n < 0 {
			n = len(list)
		}
		for _, c := range list[:n] {
			c.Close()
		}
		if list = slices.Delete(list, 0, n); len(list) == 0 {
			delete(p.idle, address)
			continue
		}
		p.idle[address] = list
		if left := list[0].since.Add(idleTimeout).Sub(now); next == 0 || left < next {
			next = left
		}
	}
	if next > 0 {
		p.sweep = time.AfterFunc(next, p.expire)
	}
}

// close closes what is idle now.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.idle {
		for _, c := range list {
			c.Close()
		}
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
		p.sweep = nil
	}
}

// silent makes a function that tells whether an idle connection is as it was left: open, and nothing was said on it. Servers
// announce that they close (408) or close; neither may be taken for the answer to the next request. It never blocks.
func silent(nc net.Conn) func() bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return func() bool { return true }
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	var (
		quiet bool
		one   [1]byte
	)
	look := func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:]) // the socket does not block
		quiet = err == syscall.EAGAIN
		return true
	}
	return func() bool { return raw.Read(look) == nil && quiet }
}
