package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/detect"
	"github.com/slugc/slugc/release/hook/commits"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack/sandbox"
)

// source is what is to be built, and as which app.
type source struct {
	detect.Source
	// app is what the person, or the archive or repository it came from, calls the app;
	// empty where it is called by its directory.
	app string
	// subdir is the directory of the source that is the app; empty where that is all of it.
	subdir string
}

// atSource calls f with the source that arguments and flags name. What is in an archive
// or in a commit of a repository is there for as long as f runs. Its app has a name, by
// which the next build finds its cache.
func (p *program) atSource(ctx context.Context, command string, args []string, flags planFlags, f func(source) error) (err error) {
	what := sourceArg(args)
	fill, called := p.elsewhere(what)
	if fill == nil {
		s, err := openSource(command, what, flags)
		if err != nil {
			return err
		}
		return f(s)
	}
	scratch, err := os.MkdirTemp("", "slugc-source-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Remove(scratch)) }()
	dir := filepath.Join(scratch, called)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := fill(ctx, dir); err != nil {
		return err
	}
	s, err := openSource(command, dir, flags)
	if err != nil {
		return err
	}
	s.app = cmp.Or(s.app, called)
	return f(s)
}

// sourceArg is the SOURCE of arguments, the current directory where there is none.
func sourceArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// openSource opens a directory as the source that flags mean.
func openSource(command, dir string, flags planFlags) (source, error) {
	if dir == "" {
		return source{}, &cli.UsageError{Command: command, Err: errors.New("SOURCE is empty; expected a directory, or nothing for the current one")}
	}
	opened, err := detect.Open(dir)
	if err != nil {
		return source{}, err
	}
	s := source{Source: opened}
	if s.app, s.subdir, err = appOf(opened, flags.app, flags.directory); err != nil {
		err = &cli.UsageError{Command: command, Err: err}
	}
	return s, err
}

// appOf is what --app says, a name or a directory of the source, and --directory beside a
// name.
func appOf(source detect.Source, app, directory string) (name, subdir string, err error) {
	flag, isDir := "--app", strings.Contains(app, "/") || app == "." || app == ".."
	switch {
	case isDir && directory != "":
		return "", "", fmt.Errorf("--app %s is a directory, and so is --directory %s; expected a name for --app", app, directory)
	case isDir:
		app, directory = "", app
	case directory == "":
		return app, "", nil
	default:
		flag = "--directory"
	}
	if subdir, err = source.Subdir(directory); err != nil {
		err = fmt.Errorf("%s %w", flag, err)
	}
	return app, subdir, err
}

// filler puts the files of a source into an empty directory.
type filler func(ctx context.Context, dir string) error

// elsewhere is how a SOURCE that is no directory is had, and its name; nil for one that
// is, or that is nothing.
func (p *program) elsewhere(source string) (filler, string) {
	info, err := os.Stat(source)
	switch {
	case err == nil && info.Mode().IsRegular():
		return func(ctx context.Context, dir string) error {
			if err := unpackSource(ctx, source, dir, sourceLimits()); err != nil {
				return &detect.SourceError{Path: source, Problem: err.Error(), Next: "name a directory, a .tar, .tar.gz, .tar.zst, .tar.xz or .zip file, or a git repository: slugc build SOURCE", Err: err}
			}
			return nil
		}, sourceName(source)
	case err == nil && !isBare(source):
		return nil, ""
	}
	repository, ref, _ := strings.Cut(source, "#")
	if err == nil {
		repository, ref = source, ""
	}
	if gitDir := gitDirOf(repository); gitDir != "" {
		return func(ctx context.Context, dir string) error { return p.checkOutLocal(ctx, gitDir, ref, dir) }, sourceName(repository)
	}
	if err != nil && remoteForm.MatchString(repository) {
		return func(ctx context.Context, dir string) error { return p.checkOutRemote(ctx, repository, ref, dir) }, sourceName(repository)
	}
	return nil, ""
}

// remoteForm is that of the address of a repository elsewhere: a URL, or a path of a host
// that ssh reaches (git-clone(1), "GIT URLS").
var remoteForm = regexp.MustCompile(`^((https?|ssh|git)://.|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:.)`)

// gitDirOf is the directory of git of a repository of this machine, "" where there is none.
func gitDirOf(repository string) string {
	for _, dir := range []string{repository, filepath.Join(repository, ".git")} {
		if isBare(dir) {
			return dir
		}
	}
	return ""
}

// isBare is whether a directory is a git repository without a work tree
// (gitrepository-layout(5)).
func isBare(dir string) bool {
	for _, name := range []string{"HEAD", "config", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// sourceName is what an app is called whose source has a path or an address.
func sourceName(source string) string {
	name := path.Base(strings.ReplaceAll(filepath.ToSlash(strings.TrimRight(source, "/")), ":", "/"))
	for _, suffix := range []string{".git", ".zip", ".gz", ".zst", ".xz", ".tar", ".tgz"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if name == "" || name == "." || name == ".." {
		return "app"
	}
	return name
}

func (p *program) checkOutLocal(ctx context.Context, gitDir, ref, dir string) (err error) {
	g, err := p.gits()
	if err != nil {
		return err
	}
	r, err := g.Local(gitDir, commits.Incoming{})
	if err != nil {
		return err
	}
	commit, err := r.Resolve(ctx, ref)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	at, err := filepath.Abs(gitDir)
	if err != nil {
		return err
	}
	return p.checkOut(ctx, at, commit, dir)
}

func (p *program) checkOutRemote(ctx context.Context, address, ref, dir string) error {
	g, err := p.gits()
	if err != nil {
		return err
	}
	commit, err := g.ResolveRemote(ctx, address, ref)
	if err != nil {
		return err
	}
	return p.checkOut(ctx, address, commit, dir)
}

func (p *program) checkOut(ctx context.Context, location, commit, dir string) error {
	p.voice.Stepf("Checking out %s", commit[:min(len(commit), shortCommit)])
	out := p.voice.Writer(nil)
	err := p.sources(commits.Incoming{}, nil)(ctx, queue.Source{Kind: queue.Repository, Location: location, Commit: commit}, dir, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("checking out %s: %w", location, err)
	}
	return nil
}

// shortCommit is how much of a commit's id people read.
const shortCommit = 7
