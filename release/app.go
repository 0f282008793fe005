package release

import (
	"fmt"
	"strings"
	"time"
)

// App is an app that has releases, or will.
type App struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
	// Current is the number of the current release; 0 where there is none yet.
	Current int `json:"current"`
}

// longestApp is the length in bytes of the longest name of an app; such a name
// is also one of a host.
const longestApp = 30

// NameError says that a name is none of an app or of a config var.
type NameError struct {
	Name string
	// Problem is what is wrong, and Expected what a name looks like.
	Problem, Expected string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%q %s; expected %s", e.Name, e.Problem, e.Expected)
}

// CheckApp says why a name is none of an app, as a *NameError.
func CheckApp(name string) error {
	const expected = "lower case letters, digits and dashes, a letter first, such as my-shop"
	problem := ""
	switch {
	case name == "":
		problem = "is no name of an app"
	case len(name) > longestApp:
		problem = fmt.Sprintf("has %d characters, more than the %d that an app's name may have", len(name), longestApp)
	case name[0] < 'a' || name[0] > 'z':
		problem = "is no name of an app: it does not begin with a lower case letter"
	case strings.ContainsFunc(name, notInApp):
		problem = "is no name of an app"
	case strings.HasSuffix(name, "-"):
		problem = "is no name of an app: it ends with a dash"
	default:
		return nil
	}
	return &NameError{Name: name, Problem: problem, Expected: expected}
}

func notInApp(r rune) bool {
	return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}
