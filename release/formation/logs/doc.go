// Package logs is the log of an app: one stream of the lines of all its
// processes, of the router before them and of what starts and stops them, each
// with its time and source (the twelve-factor app, XI). The format is that of
// Heroku's log stream, which log tools know:
//
//	2026-01-02T15:04:05.123456+00:00 app[web.1]: Listening on 5000
//	2026-01-02T15:04:06.000001+00:00 heroku[web.1]: State changed from starting to up
//	2026-01-02T15:04:06.100000+00:00 heroku[router]: at=info method=GET path="/" …
//
// A Stream takes the lines in and hands them to its sinks: a writer, a File that
// rotates, a Drain that sends them to a syslog server. A process whose lines come
// faster than a file takes them waits; nothing of it is lost. Drains are elsewhere
// in the world and may be down: they keep what they can and say what they lost.
package logs
