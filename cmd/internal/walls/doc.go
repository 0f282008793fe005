// Package walls holds the tests of the dependency walls: which folder may
// import which, and what a binary may link. There is nothing in it to import.
//
// The same walls are depguard rules in .golangci.yml, where an editor shows
// them at the import that breaks them. The tests also see what those rules
// cannot: what comes in through another package.
package walls
