package release

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Config is the config vars of a release, by name.
type Config map[string]string

// MaxConfig is how much all names and values of a config may have together, in
// bytes (Heroku Dev Center, "Config Vars": 32 kB).
const MaxConfig = 32 << 10

// reserved are variables that a process has from who starts it.
var reserved = map[string]string{
	"PORT": "is where a web process listens, and given to each anew",
	"DYNO": "is the name of a process, and given to each anew",
	"PS":   "is the name of a process, and given to each anew",
	"HOME": "is where the app is",
}

// CheckName says why a name is none of a config var, as a *NameError.
func CheckName(name string) error {
	const expected = "letters, digits and underscores, no digit first, such as DATABASE_URL"
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return &NameError{Name: name, Problem: "is no name of a config var", Expected: expected}
		}
	}
	if name == "" {
		return &NameError{Name: name, Problem: "is no name of a config var", Expected: expected}
	}
	if why := reserved[name]; why != "" {
		return &NameError{Name: name, Problem: why, Expected: "another name"}
	}
	return nil
}

// ConfigError says what is wrong with a config. It has no value in it.
type ConfigError struct{ Problem string }

func (e *ConfigError) Error() string { return e.Problem }

// Names are the names of the config, sorted; never nil.
func (c Config) Names() []string {
	return append([]string{}, slices.Sorted(maps.Keys(c))...)
}

// Size is the length of all names and values, in bytes.
func (c Config) Size() int {
	size := 0
	for name, value := range c {
		size += len(name) + len(value)
	}
	return size
}

// Check says why a config is none, as a *NameError or a *ConfigError.
func (c Config) Check() error {
	for _, name := range c.Names() {
		if err := CheckName(name); err != nil {
			return err
		}
		switch value := c[name]; {
		case strings.ContainsRune(value, 0):
			return &ConfigError{fmt.Sprintf("the value of %s has a zero byte, and no environment can hold one: store it in base64", name)}
		case !utf8.ValidString(value):
			return &ConfigError{fmt.Sprintf("the value of %s is no text in UTF-8: store it in base64", name)}
		}
	}
	if size := c.Size(); size > MaxConfig {
		largest := slices.MaxFunc(c.Names(), func(a, b string) int { return len(c[a]) - len(c[b]) })
		return &ConfigError{fmt.Sprintf("the config has %d bytes in all, more than the %d that it may have; the largest is %s with %d: keep a file in a service and its address here",
			size, MaxConfig, largest, len(c[largest]))}
	}
	return nil
}

// Change is what is to become of a config.
type Change struct {
	Set   Config
	Unset []string
}

// Apply is a config after a change; the config stays as it is.
func (c Config) Apply(change Change) Config {
	after := Config{}
	maps.Copy(after, c)
	maps.Copy(after, change.Set)
	for _, name := range change.Unset {
		delete(after, name)
	}
	return after
}

// Diff is the change that makes one config another: what is set is new there, or
// has another value.
func Diff(before, after Config) Change {
	change := Change{Set: Config{}}
	for name, value := range after {
		if old, is := before[name]; !is || old != value {
			change.Set[name] = value
		}
	}
	for _, name := range before.Names() {
		if _, is := after[name]; !is {
			change.Unset = append(change.Unset, name)
		}
	}
	return change
}

// Empty says that nothing changes.
func (c Change) Empty() bool { return len(c.Set) == 0 && len(c.Unset) == 0 }

// String is the change in Heroku's words, without values: "Set FOO, BAR config
// vars".
func (c Change) String() string {
	var words []string
	if len(c.Set) > 0 {
		words = append(words, "Set "+strings.Join(c.Set.Names(), ", "))
	}
	if len(c.Unset) > 0 {
		unset := slices.Sorted(slices.Values(c.Unset))
		words = append(words, "Unset "+strings.Join(unset, ", "))
	}
	if len(words) == 2 {
		words[1] = "unset" + strings.TrimPrefix(words[1], "Unset")
	}
	return strings.Join(words, " and ") + " config vars"
}

// Secrets are the values that nobody may read: those whose name says so, those
// of an address with a password, and long ones.
func (c Config) Secrets() []string {
	var secrets []string
	for _, name := range c.Names() {
		if secret(name, c[name]) {
			secrets = append(secrets, c[name])
		}
	}
	return secrets
}

// long is the length in bytes from which on a value is no common word.
const long = 16

func secret(name, value string) bool {
	if len(value) >= long {
		return true
	}
	name = strings.ToUpper(name)
	for _, word := range []string{"KEY", "SECRET", "TOKEN", "PASS", "PWD", "CREDENTIAL", "AUTH", "PRIVATE", "DSN"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	_, rest, address := strings.Cut(value, "://")
	return address && strings.Contains(rest, "@")
}

// NewSecret is a value that nobody can guess, for what app.json has generated:
// 64 hexadecimal digits, as Heroku's are.
func NewSecret() string {
	var random [32]byte
	// It never returns an error (crypto/rand).
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}
