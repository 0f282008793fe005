// Package wording holds the test of the words of errors: it reads all of them side by
// side, which nobody does who writes one. There is nothing in it to import.
//
//	go test -v ./cmd/internal/wording     prints them
package wording
