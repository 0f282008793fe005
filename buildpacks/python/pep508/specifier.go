package pep508

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Specifiers are comparisons that all have to hold: ">=3.11,<4".
type Specifiers []specifier

type specifier struct {
	operator string
	// text is what stands behind the operator.
	text    string
	version Version
	// prefix says that the version ended in ".*".
	prefix bool
}

var specifierForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>)\s*(\S+)$`) })

// ParseSpecifiers reads version specifiers. An empty text allows every
// version.
func ParseSpecifiers(text string) (Specifiers, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		text = text[1 : len(text)-1]
	}
	var all Specifiers
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" || part == "*" {
			continue
		}
		match := specifierForm().FindStringSubmatch(part)
		if match == nil {
			return nil, fmt.Errorf("%q does not say which versions: expected something like >=1.2", part)
		}
		s := specifier{operator: match[1], text: match[2]}
		if s.operator != "===" {
			var number string
			number, s.prefix = strings.CutSuffix(s.text, ".*")
			var err error
			if s.version, err = ParseVersion(number); err != nil {
				return nil, err
			}
			if s.prefix && s.operator != "==" && s.operator != "!=" {
				return nil, fmt.Errorf("%q does not say which versions: .* goes with == and != alone", part)
			}
			if s.operator == "~=" && len(s.version.release) < 2 {
				return nil, fmt.Errorf("%q does not say which versions: ~= wants two numbers", part)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// Allow tells whether a version meets all specifiers.
func (s Specifiers) Allow(v Version) bool {
	return !slices.ContainsFunc(s, func(one specifier) bool { return !one.allows(v) })
}

// Exact is the one version that is wanted, with "==" or "===".
func (s Specifiers) Exact() (version string, exact bool) {
	for _, one := range s {
		if (one.operator == "==" || one.operator == "===") && !one.prefix {
			return one.text, true
		}
	}
	return "", false
}

// String is a form in which equal specifiers are equal: sorted, and without
// blanks.
func (s Specifiers) String() string {
	texts := make([]string, 0, len(s))
	for _, one := range s {
		texts = append(texts, one.operator+one.text)
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), ",")
}

func (s specifier) allows(v Version) bool {
	switch s.operator {
	case "===":
		return strings.EqualFold(v.text, s.text)
	case "==":
		return s.equals(v)
	case "!=":
		return !s.equals(v)
	case "<=":
		return v.public().Compare(s.version) <= 0
	case ">=":
		return v.public().Compare(s.version) >= 0
	case "<":
		// A prerelease of the very version is not below it.
		return v.Compare(s.version) < 0 && (s.version.isPrerelease() || !v.isPrerelease() || !sameNumbers(v, s.version))
	case ">":
		// Neither a later release of the very version nor a local one is above.
		return v.Compare(s.version) > 0 && (s.version.post != nil || v.post == nil || !sameNumbers(v, s.version)) &&
			(v.local == nil || !sameNumbers(v, s.version))
	}
	// ~= is at least the version, and the same but for the last number.
	series := s.version
	series.release = series.release[:len(series.release)-1]
	return v.public().Compare(s.version) >= 0 && v.startsWith(series)
}

func (s specifier) equals(v Version) bool {
	switch {
	case s.prefix:
		return v.startsWith(s.version)
	case s.version.local == nil:
		return v.public().Compare(s.version) == 0
	}
	return v.Compare(s.version) == 0
}

func sameNumbers(a, b Version) bool {
	return a.epoch.Cmp(b.epoch) == 0 && compareNumbers(a.release, b.release) == 0
}

// ParsePoetry reads a constraint as Poetry writes it: PEP 440's, and "^1.2",
// "~1.2", "1.2", "1.*", and alternatives with "||" (Poetry, "Dependency
// specification").
func ParsePoetry(text string) ([]Specifiers, error) {
	var alternatives []Specifiers
	for alternative := range strings.SplitSeq(strings.ReplaceAll(text, "||", "|"), "|") {
		var plain []string
		for part := range strings.FieldsFuncSeq(joinOperators().ReplaceAllString(alternative, "$1"), func(c rune) bool { return c == ',' || c == ' ' }) {
			rewritten, err := fromPoetry(part)
			if err != nil {
				return nil, err
			}
			plain = append(plain, rewritten)
		}
		all, err := ParseSpecifiers(strings.Join(plain, ","))
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, all)
	}
	return alternatives, nil
}

// joinOperators are operators with blanks behind them.
var joinOperators = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`([<>=!~^]+)\s+`) })

func fromPoetry(part string) (string, error) {
	if part == "*" {
		return "", nil
	}
	operator := part[:len(part)-len(strings.TrimLeft(part, "^~"))]
	switch {
	case operator == "^" || operator == "~" && !strings.HasPrefix(part, "~="):
		v, err := ParseVersion(part[1:])
		if err != nil {
			return "", err
		}
		return ">=" + part[1:] + ",<" + v.above(operator == "^"), nil
	case strings.ContainsAny(part[:1], "<>=!~"):
		return part, nil
	}
	return "==" + part, nil
}

// above is the first version that a caret, or a tilde, does not allow.
func (v Version) above(caret bool) string {
	i := min(1, len(v.release)-1)
	if caret {
		// The first number that is not 0 stays as it is.
		i = 0
		for i < len(v.release)-1 && v.release[i].Sign() == 0 {
			i++
		}
	}
	numbers := make([]string, 0, i+1)
	for _, n := range v.release[:i] {
		numbers = append(numbers, n.String())
	}
	return strings.Join(append(numbers, new(big.Int).Add(v.release[i], big.NewInt(1)).String()), ".")
}
