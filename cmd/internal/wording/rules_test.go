package wording

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A rule finds what is wrong with a message, empty if nothing is.
type rule func(text string) string

// layout is how every message is written.
var layout = []rule{begins, ends, blanks}

// words are those that slugc has for things.
var words = []rule{goesOn, refusing, denying, quoting, wrapping}

// foreign are the packages that speak with the words of the reference lifecycle and of
// the Dockerfile's own tools, because platforms and people look for these.
var foreign = []string{"build/lifecycle", "cmd/lifecycle", "stack/launch"}

// known are single messages of that kind: the first two of the reference lifecycle, the
// last is what Heroku says.
var known = []string{
	"unmet.name %q must match a requested dependency; see the plan in CNB_BP_PLAN_PATH",
	"undeclared SBOM media type: '%s'; buildpack.toml needs sbom-formats = [%q]",
	"Push rejected: %v",
}

// proper are the names of tools and languages that a line may begin with.
var proper = []string{"Bundler", "Cargo", "Composer", "Django", "Docker", "Go", "Gradle", "Java", "Maven", "Python", "Ruby"}

var (
	firstWord   = regexp.MustCompile(`^[A-Z][a-z]*\b`)
	namelike    = regexp.MustCompile(`^([A-Za-z0-9_]|\.[a-z])`)
	smallLetter = regexp.MustCompile(`^[a-z]`)
	sentenceEnd = regexp.MustCompile(`([a-z)]\.|!|\n)$`)
	column      = regexp.MustCompile(`(:|%\d+s) +`)
	typed       = regexp.MustCompile(`(?m)^  .*$`)
	refused     = regexp.MustCompile(`(?i)\b(failed to|unable to|could not \w+|couldn't|can't|can not|invalid|illegal|malformed|must|mustn't|please|oops|sorry|error:)`)
	denied      = regexp.MustCompile(`\b(is|are) no (directory|regular file|address|lock file)\b`)
	misquoted   = regexp.MustCompile(`'%[sv]'|"%[sv]"|` + "`")
	bareFile    = regexp.MustCompile(`\b(reading|writing|opening|removing|copying|locking|linking|making|unpacking|packing|flushing) %q`)
)

// TestMessages prints all messages with -v, by package.
func TestMessages(t *testing.T) {
	all := messages(t, "../../..")
	if testing.Verbose() {
		var list strings.Builder
		for i, m := range all {
			if i == 0 || m.pkg() != all[i-1].pkg() {
				fmt.Fprintf(&list, "\n%s\n", m.pkg())
			}
			fmt.Fprintf(&list, "  %s %s: %q\n", strings.TrimPrefix(m.at, m.pkg()+"/"), m.by, m.text)
		}
		t.Log(list.String())
	}
	for maker := range makers {
		if !slices.ContainsFunc(all, func(m message) bool { return m.by == maker }) {
			t.Errorf("nothing is made by %s any more: take it out of the list, or see why it is not found", maker)
		}
	}
	for _, text := range known {
		if !slices.ContainsFunc(all, func(m message) bool { return m.text == text }) {
			t.Errorf("there is no message %q any more: take it out of the list", text)
		}
	}
	for _, m := range all {
		for _, broken := range m.broken() {
			t.Errorf("%s %s: %s\n%q", m.at, m.by, broken, m.text)
		}
	}
}

// broken is what is wrong with a message.
func (m message) broken() []string {
	if slices.Contains(known, m.text) {
		return nil
	}
	rules := layout
	if !slices.ContainsFunc(foreign, func(folder string) bool { return strings.HasPrefix(m.at, folder+"/") }) {
		rules = slices.Concat(layout, words)
	}
	var broken []string
	for _, rule := range rules {
		if what := rule(m.text); what != "" {
			broken = append(broken, what)
		}
	}
	return broken
}

// capital is a first word with a capital letter that is not a name: neither one of the
// proper names nor, as GOPROXY or Node.js, one with a further capital letter, a digit, a dot or
// an underscore in it.
func capital(line string) string {
	word := firstWord.FindString(line)
	rest := strings.TrimPrefix(line, word)
	if word == "" || slices.Contains(proper, word) || namelike.MatchString(rest) {
		return ""
	}
	return word
}

// begins: a message is a part of a longer one, which begins with the command or the file.
func begins(text string) string {
	if word := capital(text); word != "" {
		return fmt.Sprintf("it begins with a capital letter, and %s is not known as a name", word)
	}
	return ""
}

// goesOn: the lines below the first are what is expected and what to type. Only one that
// follows a whole sentence begins as one.
func goesOn(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines[1:] {
		sentence := strings.HasSuffix(lines[i], ".") && !strings.HasPrefix(lines[i], " ")
		if word := capital(line); word != "" && !sentence {
			return fmt.Sprintf("a line begins with %s, and there is no sentence before it", word)
		}
		if sentence && smallLetter.MatchString(line) {
			return fmt.Sprintf("a sentence begins with a small letter: %s", line)
		}
	}
	return ""
}

// ends: what comes next is another part of the message, or the next command. A command
// may end with a dot.
func ends(text string) string {
	if last := text[strings.LastIndex(text, "\n")+1:]; !strings.HasPrefix(last, "  ") && sentenceEnd.MatchString(text) {
		return "it ends as a sentence or a line does"
	}
	return ""
}

// blanks: columns stand below each other behind a colon, and a comment behind a command.
func blanks(text string) string {
	if strings.Contains(text, "\t") {
		return "there is a tab in it"
	}
	if strings.Contains(column.ReplaceAllString(prose(text), "$1 "), "  ") {
		return "there are two blanks in it"
	}
	return ""
}

// prose are the lines of a message that are not to be typed.
func prose(text string) string {
	return typed.ReplaceAllString(text, "")
}

// refusing: what cannot be done is said in one way, and what something should be with
// "expected". A tool that ran "could not": that is over.
func refusing(text string) string {
	for _, found := range refused.FindAllString(prose(text), -1) {
		if found != "could not be" {
			return fmt.Sprintf("%q: say what cannot be done, or what is expected", found)
		}
	}
	return ""
}

// denying: the system itself says "not a directory".
func denying(text string) string {
	if found := denied.FindString(strings.ReplaceAll(prose(text), "there is no", "")); found != "" {
		return fmt.Sprintf("%q: say that it is not one", found)
	}
	return ""
}

// quoting: what somebody wrote is quoted as Go does it, so that its end can be seen; a
// file that is read or written stands bare, to be copied.
func quoting(text string) string {
	if found := misquoted.FindString(prose(text)); found != "" {
		return fmt.Sprintf("%s: write %%q", found)
	}
	if found := bareFile.FindString(text); found != "" {
		return fmt.Sprintf("%s: write %%s", found)
	}
	return ""
}

// wrapping: the cause ends its line or begins it; where it does not, a semicolon ends it.
func wrapping(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		for i := range line {
			rest, is := strings.CutPrefix(line[i:], "%w")
			if is && i > 0 && rest != "" && !strings.HasPrefix(rest, ";") && rest != ")" {
				return "the cause neither begins nor ends its line"
			}
		}
	}
	return ""
}

func TestRules(t *testing.T) {
	for text, broken := range map[string]bool{
		"reading %s: %w": false, "%s:%w": false, "%w, as in slugc run": false, "%w: %w": false, "%w (%w)": false, "line %d: %w; expected JSON": false,
		"reading %w of %s": true, "what %s says cannot be trusted: %w%s": true,
		"Reading %s": true, "Node.js %s is too old": false, "GOSUMDB has no address": false, "Go %s is too old": false, "Gopher": true, "SHA256 is %s": false, "Cargo.lock is out of step": false, "A": true,
		"it is empty.": true, "it is empty!": true, "it is empty\n": true, "build it:\n  go build .": false,
		"it is empty\nadd a line": false, "it is empty\nAdd a line": true, "it is empty. It should not.\nAdd a line": false, "it is empty. It should not.\nadd a line": true, "it is empty:\n  echo\nWrite it": true, "it is empty:\n  echo .\nwrite it": false,
		"expected: %s\ngot:      %s": false, "expected  a word": true, "expected\ta word": true, "keep one:\n  git rm a    # when b is right": false,
		"failed to read %s": true, "cannot read %s": false, "the server could not do it": true, "the index could not be reached": false, "the index could not be reached: invalid": true, "%q is invalid": true, "the path must be absolute": true, "to see it:\n  must run": false,
		"%s is no directory": true, "%s is not a directory": false, "there is no directory %s": false, "%q is no version": false,
		"the label '%s'": true, "the label %q": false, "include it:\n  include(\"%s\")": false, "reading %q": true,
	} {
		if found := (message{at: "stack/stack.go:1", text: text}).broken(); (len(found) > 0) != broken {
			t.Errorf("%q: found %q", text, found)
		}
	}
	if found := (message{at: "build/lifecycle/analyze.go:1", text: "failed to read '%s'"}).broken(); found != nil {
		t.Errorf("the words of the reference are broken: %q", found)
	}
}
