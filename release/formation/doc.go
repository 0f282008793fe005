// Package formation starts, watches and stops the processes of a build.
//
// A process starts as on Heroku: in a fresh copy of the slug at /app, which is
// its home and working directory, with .profile.d/*.sh (in lexical order) and
// .profile sourced by bash before it. It changes nothing but its own copy.
//
// A process of an image has the image for its root filesystem and starts through
// the image's launcher. It can write a copy of the app directory of its own, which is
// its home, but not the layers of buildpacks, even where they lie in it.
//
// A OneOff is one such process. A Formation is all those of an app, as many of each
// type as is wanted, with the states, limits and words of Heroku's dynos (Dev
// Center, "Dynos", "Dyno Manager" and "Error Codes"): it is given releases, one
// after the other, and knows neither ledger nor build. Beside it are the router
// before its web processes, the log of them all, how much memory they use and may
// use, and the socket by which other processes of slugc ask for it and change it.
//
// go-containerregistry has the type of an image; x/sys/unix shares the blocks of a copy where
// the file system can.
package formation
