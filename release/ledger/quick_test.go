//go:build !acceptance

package ledger_test

// kills is how often makers of releases are killed.
const kills = 20
