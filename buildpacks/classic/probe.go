package classic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

const (
	// detectTimeout ends a bin/detect that hangs.
	detectTimeout = 2 * time.Minute
	// maxWords bounds what is kept of what a script says, in bytes.
	maxWords = 16 << 10
	// maxName bounds what a buildpack calls an app, in characters.
	maxName = 100
)

// Probe runs bin/detect (Heroku Buildpack API, "bin/detect"): status 0 says
// that the buildpack can build the app, and what is printed what it calls it;
// any other status says no, and what is printed why. It can be called for
// several buildpacks of a site at once; none can write the app.
func (b *Buildpack) Probe(ctx context.Context, site buildpacks.Site) (buildpacks.Detection, error) {
	name, words := &buildpacks.Head{Limit: maxWords}, &buildpacks.Head{Limit: maxWords}
	err := site.Runner.Run(ctx, sandbox.Command{
		Stack: site.Stack,
		Mounts: []sandbox.Mount{
			{Source: site.App.Host, Target: site.App.Path},
			{Source: b.dir.Host, Target: b.dir.Path},
		},
		Args:   []string{b.script(detectScript), site.AppDir().Path},
		Dir:    site.AppDir().Path,
		Env:    environment(site, nil).List(),
		Stdout: name, Stderr: words,
		Timeout: detectTimeout,
	})
	said := strings.TrimSpace(words.String() + "\n" + name.String())
	exit, exited := errors.AsType[*sandbox.ExitError](err)
	late, isLate := errors.AsType[*sandbox.TimeoutError](err)
	switch {
	case err == nil:
		return buildpacks.Detection{Verdict: buildpacks.Pass, Reason: said, Found: appName(name.String())}, nil
	case exited && exit.Code > 0 && exit.Reason == "":
		return buildpacks.Detection{Verdict: buildpacks.Fail, Code: exit.Code, Reason: said}, nil
	case exited:
		return broken(exit.Code, exit, said), nil
	case isLate:
		return broken(-1, late, said), nil
	}
	return buildpacks.Detection{}, fmt.Errorf("asking %s: %w", b.descriptor, err)
}

func broken(code int, err error, said string) buildpacks.Detection {
	return buildpacks.Detection{
		Verdict: buildpacks.Error, Code: code,
		Reason: strings.TrimSpace(fmt.Sprintf("%s: %v\n%s", detectScript, err, said)),
	}
}

// appName is the first line that bin/detect printed, as far as it is a name.
func appName(printed string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(printed), "\n")
	name := []rune(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, line)))
	return string(name[:min(len(name), maxName)])
}
