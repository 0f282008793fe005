// Package java does what a Java runtime needs beside its files: a store of the
// certificates that it trusts, in the form that it reads (a PKCS #12 file with
// trust anchors, RFC 7292), and jlink's small runtime for an app (JEP 282).
//
// Decisions:
//
//   - The store has no password and no salt, so that the same certificates give
//     the same bytes, and Java reads it without being told anything.
//   - jlink is a program of the runtime that it makes smaller, so it runs where
//     builds run: this package makes its command and cleans up after it.
//
// Third-party: software.sslmate.com/src/go-pkcs12 writes PKCS #12 with the
// attribute by which Java knows trust anchors; otherwise it takes a Java to make
// such a file.
package java
