package nodejs

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// constraint is a range of versions and who asks for it.
type constraint struct {
	text string
	// name is what asks: a field, a variable, a file. File is where a field
	// stands.
	name, file string
	// passed are less important places that ask for something else.
	passed []constraint
}

// source is the place in words.
func (c constraint) source() string {
	if c.file == "" {
		return c.name
	}
	return c.name + " in " + c.file
}

// String is the constraint with its source, for a person.
func (c constraint) String() string {
	text := c.name
	if c.text != "" {
		text += fmt.Sprintf(" %q", c.text)
	}
	if c.file != "" {
		text += " in " + c.file
	}
	return text
}

// nodeVersion is what an app asks of Node.js. The order is that of Railpack and
// Paketo: a variable of the build, engines.node, .nvmrc, .node-version, and
// last volta.node, which pins the tools of developers.
func nodeVersion(a app, env map[string]string, r releases) (constraint, error) {
	var all []constraint
	if text := strings.TrimSpace(env["BP_NODE_VERSION"]); text != "" {
		all = append(all, constraint{text: text, name: "BP_NODE_VERSION"})
	}
	if text := strings.TrimSpace(a.manifest.Engines["node"]); text != "" {
		all = append(all, constraint{text: text, name: "engines.node", file: manifestFile})
	}
	for _, name := range []string{".nvmrc", ".node-version"} {
		there, err := exists(a.dir, name)
		if err != nil {
			return constraint{}, fmt.Errorf("looking for the version of Node.js: %w", err)
		}
		if !there {
			continue
		}
		data, err := readText(a.dir, name)
		if err != nil {
			return constraint{}, err
		}
		if text := firstWord(data); text != "" {
			all = append(all, constraint{text: text, name: name})
		}
	}
	if text := strings.TrimSpace(a.manifest.Volta["node"]); text != "" {
		all = append(all, constraint{text: text, name: "volta.node", file: manifestFile})
	}
	if len(all) == 0 {
		return constraint{name: "the default, " + r.Default}, nil
	}
	chosen := all[0]
	for _, c := range all[1:] {
		if c.text != chosen.text {
			chosen.passed = append(chosen.passed, c)
		}
	}
	return chosen, nil
}

// firstWord is the first line that is no comment, without a comment after it.
func firstWord(data []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}

// nodeRange reads a constraint on Node.js. Preferred are the lines to choose
// from where it allows several, best first.
func nodeRange(c constraint, r releases) (wanted npm.Range, preferred []npm.Range, err error) {
	text := c.text
	if text == "" {
		text = r.Default
	}
	text, newest, err := r.alias(text)
	if err == nil {
		wanted, err = npm.ParseRange(text)
	}
	if err != nil {
		return npm.Range{}, nil, appError("%s does not say which Node.js to use\n%w\n%s", c, err, pinHint(r))
	}
	if newest {
		return wanted, nil, nil
	}
	for _, text := range append([]string{r.Default}, r.longTerm()...) {
		line, err := npm.ParseRange(text)
		if err != nil {
			return npm.Range{}, nil, fmt.Errorf("reading buildpack.toml: %w", err)
		}
		preferred = append(preferred, line)
	}
	return wanted, preferred, nil
}

// pinHint is the command that pins the default line.
func pinHint(r releases) string {
	return fmt.Sprintf("ask for a release line:\n  npm pkg set engines.node=%s", r.Default)
}

// npmVersion is what an app asks of npm: packageManager, then engines.npm, and
// otherwise nothing.
func npmVersion(m manifest) constraint {
	if name, version, found := strings.Cut(m.PackageManager, "@"); found && name == "npm" {
		// Corepack's form has a checksum behind a plus sign.
		version, _, _ = strings.Cut(version, "+")
		return constraint{text: version, name: "packageManager", file: manifestFile}
	}
	if text := strings.TrimSpace(m.Engines["npm"]); text != "" {
		return constraint{text: text, name: "engines.npm", file: manifestFile}
	}
	return constraint{}
}
