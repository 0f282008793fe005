package golang

import (
	"errors"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
)

// settings are what the environment of the build says about the go command.
type settings struct {
	// tags, ldflags and rest are the flags of "go build".
	tags    []string
	ldflags string
	rest    []string
	// goflags are those of GOFLAGS that are left to the go command.
	goflags []string
	// mod is the value of -mod that somebody asks for.
	mod string
	// cgo is CGO_ENABLED, "" when nobody says.
	cgo string
	// keepSource leaves the source in the app, keep are patterns of files that
	// stay.
	keepSource bool
	keep       compiled.Kept
}

// herokuTag is the build tag by which code can tell that it is built for a
// platform like Heroku.
const herokuTag = "heroku"

// goFlags is the go command's own variable of flags. Unlike those of a build,
// flags in it that a command does not know are no error.
const goFlags = "GOFLAGS"

// readSettings reads Paketo's and Heroku's variables, and GOFLAGS.
func readSettings(env map[string]string) (settings, error) {
	s := settings{tags: []string{herokuTag}, cgo: env["CGO_ENABLED"]}
	for _, name := range []string{goFlags, "BP_GO_BUILD_FLAGS"} {
		words, err := split(env[name])
		if err != nil {
			return settings{}, appfile.Error("%s has a quote that does not end: %s\nexpected flags of go build, with quotes around those that have blanks", name, env[name])
		}
		if err := s.addFlags(name, words); err != nil {
			return settings{}, err
		}
	}
	if own := strings.TrimSpace(env["BP_GO_BUILD_LDFLAGS"]); own != "" {
		s.ldflags = own
	}
	if symbol := env["GO_LINKER_SYMBOL"]; symbol != "" {
		value := env["GO_LINKER_VALUE"]
		if value == "" {
			value = env["SOURCE_VERSION"]
		}
		if strings.ContainsAny(symbol+value, "'\"\n") {
			return settings{}, appfile.Error("GO_LINKER_SYMBOL and GO_LINKER_VALUE may have no quotes and no line ends in them: %s=%s", symbol, value)
		}
		s.ldflags = strings.TrimSpace(s.ldflags + " -X '" + symbol + "=" + value + "'")
	}
	switch s.cgo {
	case "", "0", "1":
	default:
		return settings{}, appfile.Error("CGO_ENABLED is %q\nexpected 1 or 0", s.cgo)
	}
	s.keepSource = isTrue(env["BP_GO_KEEP_SOURCE"])
	s.keep = strings.FieldsFunc(env["BP_KEEP_FILES"], func(r rune) bool { return r == ':' })
	return s, nil
}

func isTrue(text string) bool {
	return strings.EqualFold(text, "true") || text == "1"
}

// taken are flags that belong to the build: where it writes, and what makes its
// outcome the same each time.
var taken = []string{"o", "C", "n", "i", "toolexec", "modcacherw"}

// addFlags sorts flags of go build.
func (s *settings) addFlags(name string, words []string) error {
	for i := 0; i < len(words); i++ {
		bare, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(words[i], "-"), "-"), "=")
		if !strings.HasPrefix(words[i], "-") || bare == "" {
			return appfile.Error("%s has %q, which is no flag\nexpected flags of go build; packages to build stand in BP_GO_TARGETS", name, words[i])
		}
		if slices.Contains(taken, bare) && name == goFlags {
			continue
		}
		if slices.Contains(taken, bare) {
			return appfile.Error("%s has -%s, which is not for an app to choose\ntake it out of %s", name, bare, name)
		}
		if !hasValue && takesValue[bare] {
			if i++; i == len(words) {
				return appfile.Error("%s ends with -%s, which wants a value", name, bare)
			}
			value = words[i]
		}
		switch bare {
		case "tags":
			s.tags = append(s.tags, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })...)
		case "ldflags":
			s.ldflags = value
		case "mod":
			s.mod = value
		case "trimpath", "buildvcs":
			// They are always given, and always the same.
		default:
			flag := "-" + bare
			if hasValue || takesValue[bare] {
				flag += "=" + value
			}
			if name == goFlags {
				s.goflags = append(s.goflags, flag)
			} else {
				s.rest = append(s.rest, flag)
			}
		}
	}
	return nil
}

// takesValue are the flags of go build whose value may be the next word ("go
// help build").
var takesValue = map[string]bool{
	"asmflags": true, "buildmode": true, "compiler": true, "gccgoflags": true, "gcflags": true, "installsuffix": true, "ldflags": true,
	"mod": true, "modfile": true, "overlay": true, "p": true, "pgo": true, "pkgdir": true, "tags": true, "covermode": true, "coverpkg": true,
}

// split parts a text into words as a shell does, without expanding anything.
func split(text string) (words []string, err error) {
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, c := range text {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case strings.ContainsRune(" \t\r\n", c):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote does not end")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// deciding are the variables of the go command and of C compilers that decide
// what is compiled, apart from flags ("go help environment").
func deciding(env map[string]string) map[string]string {
	chosen := map[string]string{}
	for name, value := range env {
		switch {
		case value == "":
		case strings.HasPrefix(name, "CGO_"), strings.HasPrefix(name, "GOAMD64"), strings.HasPrefix(name, "GOARM64"),
			slices.Contains([]string{"GOEXPERIMENT", "GOFIPS140", "GODEBUG", "CC", "CXX", "CPATH", "LIBRARY_PATH", "PKG_CONFIG", "PKG_CONFIG_PATH"}, name):
			chosen[name] = value
		}
	}
	return chosen
}
