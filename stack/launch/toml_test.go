package launch

import (
	"strings"
	"testing"
)

func TestNestsDeep(t *testing.T) {
	deep := strings.Repeat("[", 200)
	for name, test := range map[string]struct {
		document string
		want     bool
	}{
		"nothing":                    {"", false},
		"as deep as may be":          {"a = " + strings.Repeat("[", 100) + strings.Repeat("]", 100), false},
		"one deeper":                 {"a = " + strings.Repeat("[", 101), true},
		"tables in lists":            {"a = " + strings.Repeat("[{b = ", 60), true},
		"many beside each other":     {strings.Repeat("[[a]]\nb = [[1.5], {c = 1}]\n", 500), false},
		"more ends than beginnings":  {strings.Repeat("]", 200) + "a = " + strings.Repeat("[", 101), true},
		"a long key":                 {strings.Repeat("a.", 101) + "b = 1", true},
		"a long name of a table":     {"[" + strings.Repeat("'a' . ", 101) + "b]", true},
		"many numbers":               {"a = [" + strings.Repeat("1.5, ", 500) + "]", false},
		"a string":                   {`a = "` + deep + `"`, false},
		"a string with escapes":      {`a = "\"` + deep + `"`, false},
		"a literal string":           {`a = 'b\'` + deep, true},
		"a string of lines":          {`a = """b"` + "\n" + deep + `"""`, false},
		"after a string of lines":    {`a = ["""b"""", ` + deep, true},
		"after an empty string":      {`a = ["", ` + deep, true},
		"after a literal of lines":   {"a = ['''b\n''', " + deep, true},
		"a comment":                  {"# " + deep + "\na = 1", false},
		"after a comment":            {"# it's\na = " + deep, true},
		"a string that does not end": {"a = \"b\nc = " + deep, true},
		"an escape at the end":       {`a = "\`, false},
	} {
		if got := nestsDeep(test.document) > 0; got != test.want {
			t.Errorf("%s: nests deep: %t, want %t", name, got, test.want)
		}
	}
}
