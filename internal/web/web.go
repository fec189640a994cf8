// Package web serves the console, which web/ builds and this package embeds.
//
// It knows files and HTTP caching. It knows nothing of the gateway: the console is a client of the admin API like any other.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"sync"
)

// dist holds index.html, the committed placeholder, so that the module builds without Node; the build writes app/ beside it.
//
//go:embed all:dist
var dist embed.FS

// Built says whether the console is in this binary; without it the handler serves a page that says how to get it.
func Built() bool {
	_, err := fs.Stat(dist, "dist/app/index.html")
	return err == nil
}

// Handler serves the console at /console/. Mount it there without stripping the prefix.
func Handler() http.Handler { return handler() }

var handler = sync.OnceValue(func() http.Handler {
	root := "dist"
	if Built() {
		root = "dist/app"
	}
	files, err := fs.Sub(dist, root)
	if err != nil {
		panic(err) // the path is a constant
	}
	return newSite(files)
})
