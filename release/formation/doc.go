// Package formation starts, watches and stops the processes of a build.
//
// A process starts as on Heroku: in a fresh copy of the slug at /app, which is
// its home and working directory, with .profile.d/*.sh (in lexical order) and
// .profile sourced by bash before it. It changes nothing but its own copy.
package formation
