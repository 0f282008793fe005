// Package router is the one door to the web processes of an app: an HTTP server's
// handler that spreads requests over them, holds requests while the first process
// starts, hands none to a process that is about to end, and logs each request as
// Heroku's router does, with its error codes.
//
// It speaks HTTP/1.1 with the processes, one request on each connection: a
// connection that both ends may close at any moment loses requests. WebSockets
// and streams pass as they come, and end when nothing is said for long.
package router
