// Package goproxy asks Go module proxies: which versions of a module there are,
// what a version's checksum is, and for its files.
//
// It follows the go command, so that slugc and the go that it starts reach the
// same servers: the settings are GOPROXY, GONOPROXY, GOPRIVATE, GOSUMDB and
// GONOSUMDB of the environment and of the file that "go env -w" writes, the
// requests those of the module proxy protocol and of the checksum database (Go
// Modules Reference, "GOPROXY protocol", "Checksum database"), the checksum the
// "h1:" of a go.sum.
//
// Decisions:
//
//   - The checksum of a module comes from the checksum database, with the proof
//     that its record is part of the signed tree, and that the tree grew out of
//     the one that was seen last. Through a proxy that hands the database on,
//     nothing but the proxy is reached.
//   - Neither the proxy's nor the database's address is written here. A setting
//     that is missing comes from Defaults, which the program that is built with
//     this package knows from the go command that built it.
//   - "direct" in a GOPROXY would mean version control: it ends the list, and
//     the error says so. A module that a person wants unproxied (GONOPROXY) is
//     refused for the same reason.
//   - A zip is hashed file by file while it is unpacked, on all processors,
//     instead of once before (dirhash.HashZip): it is read and inflated once.
//     The directory appears when the sum was right.
//
// Third-party: golang.org/x/mod is the go command's own code for the checksum
// database's proofs (sumdb), module paths and their escapes (module).
// x/sync/errgroup saves the bookkeeping of parallel unpacking.
package goproxy
