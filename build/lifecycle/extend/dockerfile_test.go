package extend_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/build/lifecycle/extend"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []extend.Instruction
	}{
		"words and lines": {"\n# a comment\nARG base_image\n  FROM  ${base_image} \n", []extend.Instruction{
			{Name: "ARG", Line: 3, Args: "base_image"}, {Name: "FROM", Line: 4, Args: "${base_image}"},
		}},
		"any case, a mark and line ends of elsewhere": {"\xef\xbb\xbffrom x\r\nrUn echo\ta\r\n", []extend.Instruction{
			{Name: "FROM", Line: 1, Args: "x"}, {Name: "RUN", Line: 2, Args: "echo\ta"},
		}},
		"lines that go on": {"FROM x\nRUN a \\\n# no part of it\n\n   && b \\  \n  c\\\\\nRUN d", []extend.Instruction{
			{Name: "FROM", Line: 1, Args: "x"}, {Name: "RUN", Line: 2, Args: `a    && b   c\\`}, {Name: "RUN", Line: 7, Args: "d"},
		}},
		"another escape": {"# syntax=x\n# escape=`\nFROM x\nRUN a `\n b\\\n", []extend.Instruction{
			{Name: "FROM", Line: 3, Args: "x"}, {Name: "RUN", Line: 4, Args: `a  b\`},
		}},
		"an escape too late": {"# a comment\n# escape=`\nFROM x\nRUN a `\n", []extend.Instruction{
			{Name: "FROM", Line: 3, Args: "x"}, {Name: "RUN", Line: 4, Args: "a `"},
		}},
		"flags": {"FROM --platform=linux/amd64 x\nCOPY --chown=1:2 --chmod=\"0 7\" -- --a b\n", []extend.Instruction{
			{Name: "FROM", Line: 1, Flags: []string{"--platform=linux/amd64"}, Args: "x"},
			{Name: "COPY", Line: 2, Flags: []string{"--chown=1:2", "--chmod=0 7"}, Args: "--a b"},
		}},
		"here-documents": {"FROM x\nRUN cat <<A <<-\"B\"\nRUN 1\nA\n\tB\nCOPY <<C /x\nC\nRUN [\"<<D\"]\n", []extend.Instruction{
			{Name: "FROM", Line: 1, Args: "x"}, {Name: "RUN", Line: 2, Args: `cat <<A <<-"B"`, Documents: true},
			{Name: "COPY", Line: 6, Args: "<<C /x", Documents: true}, {Name: "RUN", Line: 8, Args: `["<<D"]`},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := extend.Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, d.Instructions, cmpopts.IgnoreFields(extend.Instruction{}, "Text")); diff != "" {
				t.Errorf("instructions (-expected +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "file with no instructions",
		"# nothing\n\\\n":           "file with no instructions",
		"FROM x\nFRM y":             "dockerfile parse error on line 2: unknown instruction: FRM",
		"FROM":                      "FROM requires either one or three arguments",
		"FROM x AS 1":               "invalid name for build stage",
		"FROM x\nRUN --nope a":      "unknown flag: --nope",
		"FROM x\nENV":               "ENV requires at least one argument",
		"FROM x\nENV a":             "ENV must have two arguments",
		"FROM x\nENV a=1 b":         `can't find = in "b"`,
		"FROM x\nLABEL =1":          "LABEL names can not be blank",
		"ARG":                       "ARG requires at least one argument",
		"ARG =1":                    "ARG names can not be blank",
		"FROM x\nCOPY a":            "COPY requires at least two arguments",
		"FROM x\nUSER":              "USER requires exactly one argument",
		"FROM x\nEXPOSE":            "EXPOSE requires at least one argument",
		"FROM x\nSHELL sh":          "SHELL requires the arguments to be in JSON form",
		"FROM x\nSHELL []":          "SHELL requires at least one argument",
		"FROM x\nRUN <<A\nB":        "unterminated heredoc",
		"# escape=x\nFROM x":        "invalid escape token",
		"# check=a\n# check=b\nRUN": "only one check parser directive",
	} {
		if _, err := extend.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, expected %q", text, err, want)
		}
	}
}

// FuzzParse reads what extensions may write, none of which is to be trusted.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"ARG base_image\nFROM ${base_image}\nRUN a \\\n b\nUSER ${user_id}:${group_id:-1}\n", "# escape=`\nFROM x\nRUN a `\n",
		"FROM x\nRUN <<-'A' cat\n\tA\n", "FROM x\nENV a=\"1 2\" b='3'\nLABEL a b\nCOPY [\"a\", \"b\"]\n", "FROM \\", "FROM x\nCOPY --a=\\", "RUN [", "\\\n\\\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := extend.Parse(data)
		if err != nil {
			return
		}
		line := 0
		for _, i := range d.Instructions {
			if i.Line <= line || i.Line > strings.Count(string(data), "\n")+1 {
				t.Errorf("%s is on line %d, the one before it on line %d", i.Name, i.Line, line)
			}
			line = i.Line
		}
		again, err := extend.Parse(data)
		if diff := cmp.Diff(d.Instructions, again.Instructions); err != nil || diff != "" {
			t.Errorf("read again: %v\n%s", err, diff)
		}
		for _, kind := range []extend.Kind{extend.Build, extend.Run} {
			if meant, err := d.Validate(kind); err == nil && !meant.Extends && len(meant.Warnings) > 0 {
				t.Errorf("it does nothing, and warns: %v", meant.Warnings)
			}
		}
	})
}
