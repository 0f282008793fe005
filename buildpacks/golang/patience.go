package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

const (
	// patience is how long the go command may wait for a module proxy that sends
	// nothing. It has no limit of its own.
	patience = time.Minute
	// glances is how often in that time somebody looks.
	glances = 12
	// downloadTries is how often modules are downloaded while a proxy has passing
	// trouble. The go command tries once.
	downloadTries = 3
)

// errSilent ends a go command that waits in vain.
var errSilent = errors.New("the module proxy sent nothing for " + report.Duration(patience))

// arrivals are the modules that the go command began to download.
type arrivals struct {
	// cache is the module cache.
	cache string
	begun []string
}

// heard takes a line of the go command that says that a download began.
func (d *arrivals) heard(line string) (what string, is bool) {
	if what, is = strings.CutPrefix(line, "go: downloading "); is && !slices.Contains(d.begun, what) {
		d.begun = append(d.begun, what)
	}
	return what, is
}

// missing are those that did not come to an end.
func (d *arrivals) missing() []string {
	return slices.DeleteFunc(slices.Clone(d.begun), func(what string) bool {
		path, version, _ := strings.Cut(what, " ")
		escapedPath, err := module.EscapePath(path)
		escapedVersion, versionErr := module.EscapeVersion(version)
		if err != nil || versionErr != nil {
			return true
		}
		_, err = os.Stat(filepath.Join(d.cache, "cache", "download", filepath.FromSlash(escapedPath), "@v", escapedVersion+".zip"))
		return err == nil
	})
}

// patient runs a go command that downloads, and ends it when nothing arrives any
// more.
func (d *arrivals) patient(ctx context.Context, run func(context.Context) (*tool.Tail, error)) (*tool.Tail, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.watch(ctx, func() { cancel(errSilent) })
	}()
	output, err := run(ctx)
	cancel(nil)
	<-watched
	return output, err
}

// watch calls silent once the module cache was the same for too long.
func (d *arrivals) watch(ctx context.Context, silent func()) {
	tick := time.NewTicker(patience / glances)
	defer tick.Stop()
	last, same := d.size(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := d.size()
		if now != last {
			last, same = now, 0
			continue
		}
		if same++; same >= glances {
			silent()
			return
		}
	}
}

// size are the bytes and the number of the files that were downloaded, of which
// some may be half.
func (d *arrivals) size() (all struct{ bytes, files int64 }) {
	// What cannot be read, such as a file that was just renamed, does not count.
	_ = filepath.WalkDir(filepath.Join(d.cache, "cache"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			all.bytes += info.Size()
			all.files++
		}
		return nil
	})
	return all
}

// explain says why modules were not downloaded, and which.
func (d *arrivals) explain(what string, err error, output *tool.Tail) error {
	f := failure.Failure{What: what, Err: err, Output: output}
	missing := d.missing()
	if len(missing) > 0 {
		f.Details = append(f.Details, "what did not arrive: "+report.Some(missing, 5))
	}
	if errors.Is(err, errSilent) {
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("%s: %w\n%s\ntry again later, or name another module proxy:\n  export GOPROXY=https://HOST/PATH",
			what, err, strings.Join(f.Details, "\n"))}
	}
	return failure.Explain(f, causes())
}
