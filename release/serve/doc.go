// Package serve is the HTTP server of slugc: webhooks and source archives come in,
// builds go into the queue (package queue), and who may look sees them, apps and their
// releases as JSON and as a page.
//
// Every address is JSON for programs, and where a person looks at it with a browser the
// same address is a page: what the Accept header names first decides. The page works
// without scripts; with them, logs and lists move by themselves.
//
// Who may do what:
//
//   - a webhook is signed (package hook), and is nothing before its signature was checked;
//   - a program has the server's token as a bearer token (RFC 6750);
//   - a person signs in with the same token and has a cookie from then on, sealed with
//     a key that is made of the token: a new token ends all sessions. What a session
//     changes needs the session's own word beside the cookie, and comes from the same
//     origin;
//   - the server shows names of config vars, never values.
//
// What comes from outside is bounded: size, time for each part, and how many at once.
// Logs are text to the page, never markup (Spans).
//
// The page is written by Go functions that make elements (el), a file for each page, and
// golang.org/x/net/html writes those as HTML: it saves the rules of what is escaped where.
// html/template would save that too, but looks methods up by name, for which the linker
// keeps the methods of all types of the program, called or not: 1.25 MiB of its code.
//
// x/sync/semaphore bounds how much of what others send is in memory.
package serve
