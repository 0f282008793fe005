package main

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slugc/slugc/stack/launch"
)

// helpWidth is how many columns the text of a help may take.
const helpWidth = 88

// kindOfValue is what pflag calls a value for which the usage has no name.
var kindOfValue = regexp.MustCompile(`^(string|strings|stringArray|int|uint|float|duration)$`)

// TestHelp reads the help of every command: all of it is one voice.
func TestHelp(t *testing.T) {
	p := &program{out: io.Discard, err: io.Discard, env: launch.Env{}}
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		path := c.CommandPath()
		if strings.HasSuffix(c.Short, ".") || c.Short == "" || utf8.RuneCountInString(c.Short) > helpWidth {
			t.Errorf("%s: a short text is a line without a full stop: %q", path, c.Short)
		}
		for line := range strings.Lines(c.Long) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > helpWidth {
				t.Errorf("%s: %d columns, at most %d: %s", path, n, helpWidth, line)
			}
		}
		if c.Long != "" && !strings.HasSuffix(c.Long, ".") {
			t.Errorf("%s: the long text does not end in a full stop: %q", path, c.Long[max(0, len(c.Long)-40):])
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: an example stands two columns in: %q", path, line)
			}
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			name, usage := pflag.UnquoteUsage(f)
			if kindOfValue.MatchString(name) {
				t.Errorf("%s --%s: name its value in the usage, as in `NAME`: %s", path, f.Name, usage)
			}
			if strings.HasSuffix(usage, ".") {
				t.Errorf("%s --%s: a usage has no full stop: %s", path, f.Name, usage)
			}
		})
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(p.root())
}
