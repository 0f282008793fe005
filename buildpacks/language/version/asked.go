package version

import "fmt"

// Asked is a wish for a version and who has it.
type Asked struct {
	// Text is the wish in the words of its place: "22.x", ">=3.11". Empty asks
	// for nothing.
	Text string
	// Name is what asks: a field, a variable, a file. File is where a field
	// stands.
	Name, File string
	// Passed are less important places that ask for something else.
	Passed []Asked
}

// First is the first of some wishes that asks for something, in the order of
// their importance. Those after it that ask for something else are in its
// Passed. When none asks, it is zero.
func First(all ...Asked) Asked {
	var chosen Asked
	for _, a := range all {
		switch {
		case a.Text == "":
		case chosen.Text == "":
			chosen = a
		case a.Text != chosen.Text:
			chosen.Passed = append(chosen.Passed, a)
		}
	}
	return chosen
}

// Source is the place in words: "engines.node in package.json".
func (a Asked) Source() string {
	if a.File == "" {
		return a.Name
	}
	return a.Name + " in " + a.File
}

// String is the wish with its place, for a person: engines.node "22.x" in
// package.json.
func (a Asked) String() string {
	text := a.Name
	if a.Text != "" {
		text += fmt.Sprintf(" %q", a.Text)
	}
	if a.File != "" {
		text += " in " + a.File
	}
	return text
}
