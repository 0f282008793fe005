package pep508

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Environment is what markers ask about.
type Environment struct {
	variables map[string]string
	// extras are the extras of the package whose requirements are looked at.
	extras []string
}

// Linux is the environment of CPython of a version with three numbers on Linux,
// for an architecture as GOARCH.
func Linux(python, arch string) Environment {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]
	if machine == "" {
		machine = arch
	}
	numbers := strings.SplitN(python, ".", 3)
	return Environment{variables: map[string]string{
		"python_version":                 strings.Join(numbers[:min(2, len(numbers))], "."),
		"python_full_version":            python,
		"implementation_version":         python,
		"implementation_name":            "cpython",
		"platform_python_implementation": "CPython",
		"os_name":                        "posix",
		"sys_platform":                   "linux",
		"platform_system":                "Linux",
		"platform_machine":               machine,
		"platform_release":               "",
		"platform_version":               "",
	}}
}

// With is the environment with extras.
func (e Environment) With(extras ...string) Environment {
	e.extras = nil
	for _, extra := range extras {
		e.extras = append(e.extras, Normal(extra))
	}
	return e
}

// aliases are the names that variables had before PEP 508.
func aliases() map[string]string {
	return map[string]string{
		"os.name": "os_name", "sys.platform": "sys_platform", "platform.version": "platform_version", "platform.machine": "platform_machine",
		"platform.python_implementation": "platform_python_implementation", "python_implementation": "platform_python_implementation",
	}
}

// Marker is a condition on the environment. The zero Marker always holds.
type Marker struct {
	text string
	root node
}

// node is a part of a marker.
type node interface{ holds(Environment) bool }

type both struct{ left, right node }

func (n both) holds(e Environment) bool { return n.left.holds(e) && n.right.holds(e) }

type either struct{ left, right node }

func (n either) holds(e Environment) bool { return n.left.holds(e) || n.right.holds(e) }

// comparison compares a variable with a text.
type comparison struct {
	variable, operator, value string
	// reversed says that the text stood first.
	reversed bool
}

// Holds tells whether the marker holds.
func (m Marker) Holds(e Environment) bool { return m.root == nil || m.root.holds(e) }

// String is the marker as it was written.
func (m Marker) String() string { return m.text }

// ParseMarker reads a marker. An empty one always holds.
func ParseMarker(text string) (Marker, error) {
	tokens, err := scan(text)
	if err != nil {
		return Marker{}, fmt.Errorf("the marker %q cannot be read: %w", text, err)
	}
	if len(tokens) == 0 {
		return Marker{}, nil
	}
	p := parser{tokens: tokens}
	root, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is too much", p.tokens[0].text)
	}
	if err != nil {
		return Marker{}, fmt.Errorf("the marker %q cannot be read: %w", text, err)
	}
	return Marker{text: strings.TrimSpace(text), root: root}, nil
}

// token is a word, an operator, a parenthesis or a quoted text of a marker.
type token struct {
	text   string
	quoted bool
}

func scan(text string) ([]token, error) {
	var tokens []token
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := 1
		switch c := text[0]; {
		case c == '"' || c == '\'':
			end := strings.IndexByte(text[1:], c)
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			tokens = append(tokens, token{text[1 : end+1], true})
			text = text[end+2:]
			continue
		case c == '(' || c == ')':
		case strings.IndexByte("<>=!~", c) >= 0:
			n = len(text) - len(strings.TrimLeft(text, "<>=!~"))
		default:
			n = len(text) - len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."))
			if n == 0 {
				return nil, fmt.Errorf("%q is not expected", text[:1])
			}
		}
		tokens = append(tokens, token{text: text[:n]})
		text = text[n:]
	}
	return tokens, nil
}

type parser struct{ tokens []token }

// maxDepth bounds how deep parentheses may lie in one another.
const maxDepth = 100

func (p *parser) next() (token, bool) {
	if len(p.tokens) == 0 {
		return token{}, false
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, true
}

// word takes a word away, if it comes next.
func (p *parser) word(text string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted || p.tokens[0].text != text {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) or(depth int) (node, error) {
	left, err := p.and(depth)
	for err == nil && p.word("or") {
		var right node
		right, err = p.and(depth)
		left = either{left, right}
	}
	return left, err
}

func (p *parser) and(depth int) (node, error) {
	left, err := p.one(depth)
	for err == nil && p.word("and") {
		var right node
		right, err = p.one(depth)
		left = both{left, right}
	}
	return left, err
}

func (p *parser) one(depth int) (node, error) {
	if p.word("(") {
		if depth >= maxDepth {
			return nil, fmt.Errorf("more than %d parentheses lie in one another", maxDepth)
		}
		inner, err := p.or(depth + 1)
		if err == nil && !p.word(")") {
			err = fmt.Errorf("a parenthesis is not closed")
		}
		return inner, err
	}
	left, hasLeft := p.next()
	operator, hasOperator := p.next()
	if hasOperator && !operator.quoted && operator.text == "not" && p.word("in") {
		operator.text = "not in"
	}
	right, hasRight := p.next()
	if !hasLeft || !hasOperator || !hasRight || operator.quoted {
		return nil, fmt.Errorf("a comparison is not complete")
	}
	if !slices.Contains([]string{"===", "==", "~=", "!=", "<=", ">=", "<", ">", "in", "not in"}, operator.text) {
		return nil, fmt.Errorf("%q compares nothing", operator.text)
	}
	c := comparison{operator: operator.text}
	switch {
	case left.quoted == right.quoted:
		return nil, fmt.Errorf("expected a variable and a text around %q", operator.text)
	case right.quoted:
		c.variable, c.value = left.text, right.text
	default:
		c.variable, c.value, c.reversed = right.text, left.text, true
	}
	if name, old := aliases()[c.variable]; old {
		c.variable = name
	}
	known := append(slices.Collect(maps.Keys(Linux("", "").variables)), "extra", "extras", "dependency_groups")
	if !slices.Contains(known, c.variable) {
		return nil, fmt.Errorf("%q is no variable of markers", c.variable)
	}
	return c, nil
}

func (c comparison) holds(e Environment) bool {
	if c.variable == "extra" || c.variable == "extras" || c.variable == "dependency_groups" {
		// One of the extras has to be the one that is asked for.
		has := c.variable != "dependency_groups" && slices.Contains(e.extras, Normal(c.value))
		return has != (c.operator == "!=" || c.operator == "not in")
	}
	actual := e.variables[c.variable]
	left, right := actual, c.value
	if c.reversed {
		left, right = right, left
	}
	switch c.operator {
	case "in":
		return within(c, left, right)
	case "not in":
		return !within(c, left, right)
	}
	if holds, isVersion := compareVersions(left, c.operator, right); isVersion && c.isVersion() {
		return holds
	}
	switch c.operator {
	case "==", "===":
		return left == right
	case "!=":
		return left != right
	case "<":
		return left < right
	case "<=":
		return left <= right
	case ">":
		return left > right
	case ">=":
		return left >= right
	}
	return false
}

func (c comparison) isVersion() bool {
	return c.variable == "python_version" || c.variable == "python_full_version" || c.variable == "implementation_version"
}

// within tells whether a text has another one in it. Of versions it is a list:
// "3.1" is not in "3.10, 3.11".
func within(c comparison, left, right string) bool {
	if !c.isVersion() || c.reversed {
		return strings.Contains(right, left)
	}
	return slices.Contains(strings.FieldsFunc(right, func(r rune) bool { return r == ',' || r == ' ' || r == '|' }), left)
}

func compareVersions(left, operator, right string) (holds, isVersion bool) {
	v, err := ParseVersion(left)
	if err != nil {
		return false, false
	}
	all, err := ParseSpecifiers(operator + right)
	if err != nil {
		return false, false
	}
	return all.Allow(v), true
}
