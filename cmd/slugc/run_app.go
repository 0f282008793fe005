package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/logs"
)

// ofApp makes a process one of the current release of an app. Like every process of
// it, it is in the app's log, which has when it began and ended; what it prints is
// for the caller alone. What is to be done when it is over is returned.
func (p *program) ofApp(ctx context.Context, app string, one *formation.OneOff) (over func(error) error, err error) {
	d, err := p.desk(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	current, err := d.Current(ctx, app)
	if err != nil {
		return nil, err
	}
	parts, err := d.pick(ctx, current)
	if err != nil {
		return nil, err
	}
	one.Slug, one.Image, one.Env, one.What, one.Name = parts.Slug, parts.Image, parts.Env, app, oneOffName("run")
	command := release.Quote(one.Command...)
	if len(one.Command) == 0 {
		command = cmp.Or(current.Artifact.ProcessTypes[cmp.Or(one.Type, formation.Web)], one.Type)
		command = strings.TrimSpace(command + " " + release.Quote(one.Args...))
	}
	log, ended, err := d.begin(app, one.Name, command, p.author())
	if err != nil {
		return nil, errors.Join(err, parts.lease.Close())
	}
	tell := one.Say
	one.Say = func(line string) {
		log.Sayf(one.Name, "%s", line)
		tell(line)
	}
	return func(err error) error { return errors.Join(err, ended(err), parts.lease.Close()) }, nil
}

// begin says in the log of an app that a process begins that is not of its formation.
// What is returned says how it ended.
func (d desk) begin(app, name, command, author string) (log *logs.Stream, ended func(error) error, err error) {
	file, err := logs.Create(d.logFile(app))
	if err != nil {
		return nil, nil, err
	}
	log = logs.NewStream(file)
	log.Sayf(name, "Starting process with command `%s` by %s", command, author)
	log.Sayf(name, "State changed from starting to up")
	return log, func(err error) error {
		status, is := processStatus(err)
		if err == nil || is {
			log.Sayf(name, "Process exited with status %d", status)
		}
		log.Sayf(name, "State changed from up to complete")
		return file.Close()
	}, nil
}

// oneOffName is the name of a process that is not of a formation, as Heroku has
// them: run.1234, release.1234.
func oneOffName(kind string) string { return fmt.Sprintf("%s.%d", kind, 1000+os.Getpid()%9000) }
