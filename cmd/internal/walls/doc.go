// Package walls holds the tests of the whole tree: which folder may import
// which, what a binary may link, that a function fits on a screen or says why it
// does not, what the comment of a package says, and that cmd alone knows of the
// process. There is nothing in it to import.
//
// The walls between folders are depguard rules in .golangci.yml too, where an
// editor shows them at the import that breaks them. The tests also see what
// those rules cannot: what comes in through another package.
//
// A function of more than 60 lines is mostly several steps without names. One
// that is long for another reason, such as a table, has the reason in its
// comment, after "Long: ". A test may have 120 lines, without the closures in it.
package walls
