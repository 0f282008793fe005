//go:build !acceptance

package ledger_test

// kills is how often makers of releases are killed, and bits of the ledger flipped.
const kills = 16
