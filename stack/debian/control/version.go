package control

import (
	"fmt"
	"strings"

	"pault.ag/go/debian/version"
)

// Compare orders two versions as dpkg does (Policy 5.6.12): negative when a is
// before b. What has not the form of a version takes part as one without an
// epoch and a revision, so that the order is a total one over all texts.
func Compare(a, b string) int { return version.Compare(parts(a), parts(b)) }

func parts(text string) version.Version {
	v, err := version.Parse(text)
	if err != nil {
		return version.Version{Version: text}
	}
	return v
}

// checkVersion says what is wrong with the form of a version.
func checkVersion(text string) error {
	// Parse lets blanks around it pass, which must not become part of a path.
	if strings.TrimSpace(text) != text {
		return fmt.Errorf("the version %s has blanks around it", quote(text))
	}
	if _, err := version.Parse(text); err != nil {
		return fmt.Errorf("the version %s: %w", quote(text), err)
	}
	return nil
}

// The operators of relations (Policy 7.1).
const (
	earlier        = "<<"
	earlierOrEqual = "<="
	equal          = "="
	laterOrEqual   = ">="
	later          = ">>"
)

// operator is what a written one means, and whether it is one.
func operator(text string) (string, bool) {
	switch text {
	case earlier, earlierOrEqual, equal, laterOrEqual, later:
		return text, true
	case "<":
		return earlierOrEqual, true
	case ">":
		return laterOrEqual, true
	}
	return "", false
}

// holds says whether a version is as an operator wants it beside another.
func holds(have, op, want string) bool {
	order := Compare(have, want)
	switch op {
	case earlier:
		return order < 0
	case earlierOrEqual:
		return order <= 0
	case equal:
		return order == 0
	case laterOrEqual:
		return order >= 0
	case later:
		return order > 0
	}
	return false
}
