// Package report prints what a buildpack has to say in the form that people
// know from Heroku: steps, details below them, warnings and errors.
//
// A line that ends in a carriage return in place of a line end is transient: it
// tells progress, a terminal shows it until the next line, and nothing else
// needs to keep it.
//
// Sizes are in binary units and times in the unit that fits them, here and
// everywhere else in slugc.
package report
