package extend

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/launch"
)

// Kind is which image a Dockerfile extends.
type Kind string

// The kinds: the image that apps are built in, and the one that they run on.
const (
	Build Kind = "build"
	Run   Kind = "run"
)

// File is the name of a Dockerfile of the kind in the output of an extension.
func (k Kind) File() string { return string(k) + ".Dockerfile" }

// baseArgument is the image that a Dockerfile is applied to.
const baseArgument = "base_image"

// recommended are the instructions that extensions ought to use (CNB Image Extension
// Specification, "Dockerfile Requirements").
func recommended() []string {
	return []string{"FROM", "ADD", "ARG", "COPY", "ENV", "LABEL", "RUN", "SHELL", "USER", "WORKDIR"}
}

// Meant is what a Dockerfile of an extension means for its image.
type Meant struct {
	// Base is the image that takes the place of the one that there is; empty where
	// it stays.
	Base string
	// Extends says that the image is changed.
	Extends bool
	// Warnings are about what is not recommended.
	Warnings []string
}

// Validate says what a Dockerfile means, or why an extension may not have it; there may
// be warnings besides (CNB Image
// Extension Specification, "Dockerfile Requirements").
func (d Dockerfile) Validate(kind Kind) (Meant, error) {
	stages, before := 0, []Instruction{}
	var meant Meant
	for _, i := range d.Instructions {
		switch {
		case i.Name == "FROM":
			stages++
			meant.Base = strings.Fields(i.Args)[0]
			continue
		case stages == 0 && i.Name == "ARG":
			before = append(before, i)
			continue
		case stages == 0:
			return Meant{}, errors.New("no build stage in current context")
		}
		meant.Extends = true
		if !slices.Contains(recommended(), i.Name) {
			meant.Warnings = append(meant.Warnings, fmt.Sprintf("%s command %s on line %d is not recommended", kind.File(), i.Name, i.Line))
		}
	}
	if stages > 1 {
		return Meant{}, fmt.Errorf("%s is not permitted to use multistage build", kind.File())
	}
	same := meant.Base == "${"+baseArgument+"}"
	if kind == Build {
		if len(before) != 1 || d.firstName(before[0]) != baseArgument {
			return Meant{Warnings: meant.Warnings}, errors.New("build.Dockerfile did not start with required ARG command")
		}
		if stages == 1 && !same {
			return Meant{Warnings: meant.Warnings}, errors.New("build.Dockerfile did not contain required FROM ${base_image} command")
		}
	}
	if stages == 0 {
		return Meant{}, fmt.Errorf("%s should have at least one stage", kind.File())
	}
	if same {
		meant.Base = ""
	}
	return meant, nil
}

// firstName is the first name of an ARG.
func (d Dockerfile) firstName(i Instruction) string {
	pairs, err := d.arguments(i)
	if err != nil {
		return ""
	}
	return pairs[0].name
}

// Argument is a build argument of an extend-config.toml.
type Argument struct {
	Name  string `toml:"name"`
	Value string `toml:"value"`
}

// Config is an extend-config.toml (CNB Image Extension Specification,
// "extend-config.toml").
type Config struct {
	Build arguments `toml:"build"`
	Run   arguments `toml:"run"`
}

type arguments struct {
	Args []Argument `toml:"args"`
}

// Arguments are those for a kind.
func (c Config) Arguments(kind Kind) []Argument {
	if kind == Build {
		return c.Build.Args
	}
	return c.Run.Args
}

// reserved are the arguments that the lifecycle gives values to.
func reserved() []string { return []string{buildIDArgument, userArgument, groupArgument} }

const (
	buildIDArgument = "build_id"
	userArgument    = "user_id"
	groupArgument   = "group_id"
)

// OwnArguments are the arguments that the lifecycle gives every Dockerfile: an id of
// the build, and the user and group of the image.
func OwnArguments(id, user, group string) []Argument {
	return []Argument{{buildIDArgument, id}, {userArgument, user}, {groupArgument, group}}
}

// ParseConfig reads the text of an extend-config.toml. An *ArgumentError says that it
// has an argument which is not the extension's to give.
func ParseConfig(data []byte) (c Config, err error) {
	if err := launch.DecodeTOML(data, &c); err != nil {
		return Config{}, err
	}
	for _, a := range slices.Concat(c.Build.Args, c.Run.Args) {
		if slices.Contains(reserved(), a.Name) {
			return Config{}, &ArgumentError{a.Name}
		}
	}
	return c, nil
}

// ArgumentError says that an extend-config.toml gives a value to an argument of the
// lifecycle.
type ArgumentError struct{ Name string }

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("invalid content: arg with name %q is not allowed", e.Name)
}
