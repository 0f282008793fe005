package classic

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// CacheOwner is the id under which the directory that classic buildpacks share
// as CACHE_DIR is a layer. There is no buildpack of that id.
const CacheOwner = "slugc/classic"

// CacheLayer is the name of that layer.
const CacheLayer = "cache"

// layersAt is where scripts find the layers of CNBs while they cannot lie in
// the app.
const layersAt = "/.slugc"

// place is what the scripts of one buildpack work in: a root directory in which
// the app, the cache and /tmp are directories like any other. Scripts of
// buildpacks expect that, which were written for a container: they remove
// BUILD_DIR and put another directory in its place, rename from CACHE_DIR into
// it, and make hard links. None of that works across mount points.
//
// Layers that lie in the app are out of the scripts' reach meanwhile, because
// many clear BUILD_DIR, dot files and all. Where an earlier CNB made some, a
// link leads to them.
//
// A build whose scripts see everything where it is on this machine has nothing
// to be put in place.
type place struct {
	site buildpacks.Site
	// root is the root directory; empty in a build in place.
	root string
	// hidden is where the layers wait, and top their directory in the app.
	hidden, top string
	// moved are the directories to be put back, by where they are now.
	moved []move
}

// move is a directory that was renamed.
type move struct{ home, now string }

// newPlace puts the directories of a site in place. Close puts them back.
func newPlace(site buildpacks.Site) (p *place, err error) {
	p = &place{site: site}
	if site.App.Host == site.App.Path {
		return p, nil
	}
	if p.root, err = site.Room("root"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_, closeErr := p.close()
			p, err = nil, errors.Join(err, closeErr)
		}
	}()
	cache := site.Cache.Host
	if rel, err := filepath.Rel(site.App.Host, site.Layers.Host); err == nil && filepath.IsLocal(rel) {
		top, _, _ := strings.Cut(rel, string(filepath.Separator))
		p.top, p.hidden = top, filepath.Join(site.Scratch, "layers")
		if err := p.move(filepath.Join(site.App.Host, top), p.hidden); err != nil {
			return p, err
		}
		if err := p.mend(site.Layers.Host, cache); err != nil {
			return p, err
		}
		if rel, err := filepath.Rel(filepath.Join(site.App.Host, top), cache); err == nil && filepath.IsLocal(rel) {
			cache = filepath.Join(p.hidden, rel)
		}
	}
	if err := errors.Join(makeOurs(cache), sandbox.Give(filepath.Dir(cache))); err != nil {
		return p, err
	}
	for _, dir := range []struct{ host, at string }{
		{cache, site.Cache.Path}, {site.Temp.Host, site.Temp.Path}, {site.App.Host, site.App.Path},
	} {
		if err := p.move(dir.host, filepath.Join(p.root, dir.at)); err != nil {
			return p, err
		}
	}
	if p.hidden != "" {
		link := filepath.Join(p.app(), p.top)
		if err := os.Symlink(layersAt, link); err != nil {
			return p, err
		}
		return p, sandbox.Give(link)
	}
	return p, nil
}

// mend opens up directories that are hidden, with those that lead to them.
func (p *place) mend(dirs ...string) error {
	for _, dir := range dirs {
		rel, err := filepath.Rel(filepath.Join(p.site.App.Host, p.top), dir)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		if err := sandbox.Mend(p.hidden, strings.Split(rel, string(filepath.Separator))...); err != nil {
			return err
		}
	}
	return nil
}

// makeOurs makes a directory that scripts may write.
func makeOurs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return sandbox.Give(dir)
}

// move renames a directory, and notes where its home is. Only who may write a
// directory, and the one that it is in, can move it.
func (p *place) move(home, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := sandbox.Remove(to); err != nil {
		return err
	}
	if err := sandbox.Mend(filepath.Dir(home), filepath.Base(home)); err != nil {
		return err
	}
	if err := os.Rename(home, to); err != nil {
		return err
	}
	p.moved = append(p.moved, move{home, to})
	return nil
}

// app is where the app is on this machine for now.
func (p *place) app() string {
	if p.root == "" {
		return p.site.App.Host
	}
	return filepath.Join(p.root, p.site.App.Path)
}

// layers is where the layers of a buildpack are on this machine for now.
func (p *place) layers(id string) string {
	host := p.site.Layers.Host
	if p.hidden != "" {
		if rel, err := filepath.Rel(filepath.Join(p.site.App.Host, p.top), host); err == nil {
			host = filepath.Join(p.hidden, rel)
		}
	}
	return filepath.Join(host, launch.EscapeID(id))
}

// close puts the directories back, whatever the scripts did to them. In the
// place of one that is none any more there is an empty one; gone says whether
// that is so for the app.
func (p *place) close() (gone bool, err error) {
	if p.root != "" {
		if err := sandbox.Mend(p.root); err != nil {
			return false, err
		}
	}
	for i := len(p.moved) - 1; i >= 0; i-- {
		m := p.moved[i]
		if p.hidden != "" && m.now == p.hidden {
			// What the scripts left where the layers belong is no part of the app.
			if err := sandbox.Remove(m.home); err != nil {
				return gone, err
			}
		}
		lost, err := restore(m)
		if err != nil {
			return gone, err
		}
		gone = gone || lost && m.home == p.site.App.Host
	}
	if p.root == "" {
		return false, nil
	}
	return gone || p.site.CheckAppDir() != nil, sandbox.Remove(p.root)
}

// restore puts a directory back where it was.
func restore(m move) (lost bool, err error) {
	info, err := os.Lstat(m.now)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	case err != nil || !info.IsDir():
		return true, errors.Join(sandbox.Remove(m.now), makeOurs(m.home))
	}
	if err := sandbox.Mend(m.now); err != nil {
		return false, err
	}
	return false, os.Rename(m.now, m.home)
}

// command is a command that works in the place.
func (p *place) command(b *Buildpack) sandbox.Command {
	site := p.site
	c := sandbox.Command{
		Stack: site.Stack, Root: p.root, Dir: site.AppDir().Path, Network: !site.Offline,
		Mounts: []sandbox.Mount{
			{Source: site.Platform.Host, Target: site.Platform.Path},
			{Source: b.dir.Host, Target: b.dir.Path, Writable: b.own},
		},
	}
	if p.hidden != "" {
		c.Mounts = append(c.Mounts, sandbox.Mount{Source: p.hidden, Target: layersAt})
	}
	return c
}

// script is where the scripts of the sandbox find one of the buildpack.
func (b *Buildpack) script(name string) string { return path.Join(b.dir.Path, name) }

// errGone says what a script did that nobody can build on.
var errGone = errors.New("it removed BUILD_DIR, or put something else in its place; expected the finished app there")
