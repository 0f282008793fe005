package rust

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	asking "github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// The files that say which toolchain to use (The rustup Book, "The toolchain
// file").
const (
	toolchainTOML = "rust-toolchain.toml"
	toolchainFile = "rust-toolchain"
)

// What asks for a version, for people.
const (
	byChannel     = "channel"
	byRustVersion = "rust-version"
	byEdition     = "edition"
)

// editions are the first versions with an edition (The Rust Edition Guide).
func editions() map[string]string {
	return map[string]string{"2018": "1.31", "2021": "1.56", "2024": "1.85"}
}

// asksRust is what an app asks of the version of Rust: a variable, a toolchain
// file, the newest rust-version of the packages, or the newest edition.
func (p project) asksRust(env map[string]string) (asking.Asked, error) {
	if err := appfile.RefuseMisspelled(p.dir, "which Rust to use", toolchainTOML); err != nil {
		return asking.Asked{}, err
	}
	channel, err := p.channel()
	if err != nil {
		return asking.Asked{}, err
	}
	least := p.least(byRustVersion, func(l local) string { return p.workspace.text("rust-version", l.Package.RustVersion) })
	if least.Text == "" {
		least = p.least(byEdition, func(l local) string { return p.workspace.text("edition", l.Package.Edition) })
	}
	return asking.First(
		asking.Asked{Text: strings.TrimSpace(env["BP_RUST_VERSION"]), Name: "BP_RUST_VERSION"},
		asking.Asked{Text: strings.TrimSpace(env["BP_RUST_TOOLCHAIN"]), Name: "BP_RUST_TOOLCHAIN"},
		channel, least,
	), nil
}

// channel is what a toolchain file says, the nearest at or above the app.
func (p project) channel() (asking.Asked, error) {
	for way := "."; p.inSource(way); way = path.Join("..", way) {
		for _, name := range []string{toolchainFile, toolchainTOML} {
			data, err := appfile.Read(p.at(way), name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return asking.Asked{}, err
			}
			return readChannel(path.Join(way, name), data)
		}
	}
	return asking.Asked{}, nil
}

// readChannel reads a toolchain file, which is TOML or, in its old form, the name
// of a channel alone.
func readChannel(name string, data []byte) (asking.Asked, error) {
	asked := asking.Asked{Name: byChannel, File: name}
	word := strings.TrimSpace(string(data))
	if path.Base(name) == toolchainFile && word != "" && !strings.ContainsAny(word, "\n[=") {
		asked.Text, asked.Name, asked.File = word, name, ""
		return asked, nil
	}
	var file struct {
		Toolchain struct {
			Channel string `toml:"channel"`
			Path    string `toml:"path"`
		} `toml:"toolchain"`
	}
	if err := appfile.TOML(name, data, &file); err != nil {
		return asking.Asked{}, err
	}
	if file.Toolchain.Path != "" {
		return asking.Asked{}, appfile.Error("%s names a toolchain in a directory of a machine: %s\nask for a version:\n  [toolchain]\n  channel = \"1.85\"", name, file.Toolchain.Path)
	}
	asked.Text = strings.TrimSpace(file.Toolchain.Channel)
	return asked, nil
}

// least is the wish of the package that asks for most.
func (p project) least(name string, of func(l local) string) asking.Asked {
	var most asking.Asked
	for _, l := range p.locals {
		if text := of(l); text != "" && (most.Text == "" || older(most.Text, text)) {
			most = asking.Asked{Text: text, Name: name, File: l.file()}
		}
	}
	return most
}

// number is a version of Rust, or the beginning of one.
var number = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d+)\.(\d+)(?:\.(\d+))?(?:-[A-Za-z0-9_]+-[A-Za-z0-9_-]+)?$`)
})

// parse are the numbers of a version.
func parse(text string) (numbers [3]int, ok bool) {
	match := number().FindStringSubmatch(text)
	if match == nil {
		n, err := strconv.Atoi(text)
		return [3]int{n}, err == nil
	}
	for i, digits := range match[1:] {
		if n, err := strconv.Atoi(digits); err == nil {
			numbers[i] = n
		}
	}
	return numbers, true
}

// older tells whether a version is older than another one.
func older(a, b string) bool {
	x, _ := parse(a)
	y, _ := parse(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

// constraint reads a wish for Rust. Every Rust builds what an older one built,
// so a version that a file names is the least that will do: a distribution has
// one or two.
func constraint(asked asking.Asked) (runtime.Constraint, error) {
	text := asked.Text
	switch asked.Name {
	case byEdition:
		least, known := editions()[text]
		if text == "2015" {
			return runtime.Constraint{}, nil
		}
		if !known {
			return runtime.Constraint{}, appfile.Error("%s is not an edition of Rust that slugc knows\nexpected 2018, 2021 or 2024", asked)
		}
		text = least
	case "BP_RUST_VERSION":
		if _, is := parse(text); !is && text != "" {
			c, err := runtime.ParseConstraint(runtime.NPM, text)
			if err != nil {
				return runtime.Constraint{}, appfile.Error("%s does not say which Rust to use\n%w\n%s", asked, err, hint(asked))
			}
			return c, nil
		}
	}
	name, _, _ := strings.Cut(text, "-")
	switch name {
	case "", "stable":
		return runtime.Constraint{}, nil
	case "nightly", "beta", "dev":
		return runtime.Constraint{}, appfile.Error("%s asks for Rust that is no release\nslugc builds with the releases that the stack's distribution has\n%s", asked, hint(asked))
	}
	numbers, is := parse(text)
	if !is {
		return runtime.Constraint{}, appfile.Error("%s does not say which Rust to use\n%s", asked, hint(asked))
	}
	least := strconv.Itoa(numbers[0]) + "." + strconv.Itoa(numbers[1]) + "." + strconv.Itoa(numbers[2])
	return runtime.ParseConstraint(runtime.NPM, ">="+least)
}

// pinned is the line of versions that a toolchain file or a variable names, if
// it names one.
func pinned(asked asking.Asked) (line runtime.Constraint, is bool) {
	numbers, is := parse(asked.Text)
	if !is || asked.Name == byRustVersion || asked.Name == byEdition || !strings.Contains(asked.Text, ".") {
		return runtime.Constraint{}, false
	}
	line, err := runtime.ParseConstraint(runtime.NPM, fmt.Sprintf("~%d.%d.%d", numbers[0], numbers[1], numbers[2]))
	return line, err == nil
}

// hint says what to type to ask for another Rust.
func hint(asked asking.Asked) string {
	switch {
	case path.Base(asked.Name) == toolchainFile:
		return "write a version into it that the stack has, or stable:\n  echo stable > " + asked.Name + "\n  git add " + asked.Name
	case asked.Name == byChannel:
		return "write a version into it that the stack has, or stable:\n  [toolchain]\n  channel = \"stable\""
	case asked.Name == byRustVersion:
		return "lower it to a version that the stack has:\n  rust-version = \"1.85\"\nor build on a newer stack:\n  slugc build --stack NAME"
	case asked.Name == byEdition:
		return "build on a newer stack, or use an older edition:\n  edition = \"2021\""
	}
	return "ask for a version that the stack has:\n  slugc build -e " + asked.Name + "=1.85"
}

// mayBuild refuses a Rust that is older than one of the app's packages says that
// it needs.
func (p project) mayBuild(version string, asked asking.Asked) error {
	for _, l := range p.locals {
		if text := p.workspace.text("rust-version", l.Package.RustVersion); text != "" && older(version, text) {
			return appfile.Error("%s says rust-version = %q, but Rust %s is older\n%s asks for that\nask for a newer one, or not at all", l.file(), text, version, asked.Source())
		}
		edition := p.workspace.text("edition", l.Package.Edition)
		if least := editions()[edition]; least != "" && older(version, least) {
			return appfile.Error("%s says edition = %q, which Rust has since %s, but Rust %s is older\n%s", l.file(), edition, least, version,
				hint(asking.Asked{Name: byEdition}))
		}
	}
	return nil
}
