package extend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/sandbox"
)

// Dockerfile is a Dockerfile that was read.
type Dockerfile struct {
	Instructions []Instruction
	// escape is the character that ends lines which go on, and takes the meaning
	// from the next one.
	escape byte
}

// Instruction is one of a Dockerfile.
type Instruction struct {
	// Name is the word that it begins with, in capital letters.
	Name string
	// Line is where it begins, from 1.
	Line int
	// Flags are those before its arguments, with their values: "--chown=1:2".
	Flags []string
	// Args are the rest, with lines joined.
	Args string
	// Text is all of it, with lines joined.
	Text string
	// Documents says that here-documents follow it, which are not kept.
	Documents bool
}

// maxDockerfile bounds a Dockerfile, in bytes.
const maxDockerfile = 1 << 20

// Read reads a Dockerfile.
func Read(file string) (Dockerfile, error) {
	data, err := sandbox.ReadFile(file, maxDockerfile)
	if err != nil {
		return Dockerfile{}, err
	}
	return Parse(data)
}

// Parse reads the text of a Dockerfile, with the rules and, as far as platforms read
// them, the errors of Docker.
func Parse(data []byte) (Dockerfile, error) {
	r := reader{lines: strings.SplitAfter(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), "\n"), escape: '\\'}
	if err := r.directives(); err != nil {
		return Dockerfile{}, err
	}
	d := Dockerfile{}
	for {
		i, more, err := r.instruction()
		if err != nil {
			return Dockerfile{}, err
		}
		if !more {
			break
		}
		d.Instructions = append(d.Instructions, i)
	}
	d.escape = r.escape
	if len(d.Instructions) == 0 {
		return Dockerfile{}, errors.New("file with no instructions")
	}
	for _, i := range d.Instructions {
		if err := d.check(i); err != nil {
			return Dockerfile{}, fmt.Errorf("dockerfile parse error on line %d: %w", i.Line, err)
		}
	}
	return d, nil
}

// reader reads a Dockerfile by its lines.
type reader struct {
	lines  []string
	next   int
	escape byte
}

var directiveForm = regexp.MustCompile(`^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$`)

// directives reads the comments at the top that are for the parser.
func (r *reader) directives() error {
	seen := map[string]bool{}
	for _, line := range r.lines {
		parts := directiveForm.FindStringSubmatch(strings.TrimSpace(line))
		if parts == nil {
			return nil
		}
		name := strings.ToLower(parts[1])
		switch {
		case name != "escape" && name != "syntax" && name != "check":
			return nil
		case seen[name]:
			return fmt.Errorf("only one %s parser directive can be used", name)
		}
		seen[name] = true
		if name != "escape" {
			continue
		}
		if parts[2] != "`" && parts[2] != `\` {
			return fmt.Errorf("invalid escape token '%s' does not match ` or \\", parts[2])
		}
		r.escape = parts[2][0]
	}
	return nil
}

// line is the next line without its end.
func (r *reader) line() (string, bool) {
	if r.next == len(r.lines) {
		return "", false
	}
	line := r.lines[r.next]
	r.next++
	return strings.TrimRight(line, "\r\n"), true
}

func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

// goesOn cuts the escape character at the end of a line that goes on.
func (r *reader) goesOn(line string) (string, bool) {
	cut := strings.TrimRight(line, " \t")
	n := len(cut)
	if n == 0 || cut[n-1] != r.escape || n > 1 && cut[n-2] == r.escape {
		return line, false
	}
	return cut[:n-1], true
}

// instruction reads the next instruction; more is false at the end.
func (r *reader) instruction() (i Instruction, more bool, err error) {
	var text strings.Builder
	start := 0
	for {
		line, there := r.line()
		if !there {
			break
		}
		switch {
		case isComment(line), strings.TrimSpace(line) == "":
			continue
		case start == 0:
			start = r.next
			line = strings.TrimLeft(line, " \t\v\f")
		}
		cut, on := r.goesOn(line)
		text.WriteString(cut)
		if !on {
			break
		}
	}
	if strings.TrimSpace(text.String()) == "" {
		return Instruction{}, false, nil // no more lines
	}
	i = r.split(text.String())
	i.Line = start
	return i, true, r.documents(&i)
}

var blanks = regexp.MustCompile(`[\t\v\f\r ]+`)

// split takes an instruction apart.
func (r *reader) split(text string) Instruction {
	parts := blanks.Split(strings.TrimSpace(text), 2)
	i := Instruction{Name: strings.ToUpper(parts[0]), Text: text}
	if len(parts) < 2 {
		return i
	}
	rest := parts[1]
	for strings.HasPrefix(rest, "--") {
		flag, after := r.flag(rest)
		rest = strings.TrimLeft(after, " \t\v\f\r")
		if flag == "--" {
			break
		}
		i.Flags = append(i.Flags, flag)
	}
	i.Args = strings.TrimSpace(rest)
	return i
}

// flag is the first word of a text, without quotes.
func (r *reader) flag(text string) (flag, rest string) {
	var word []byte
	quote := byte(0)
	for at := 0; at < len(text); at++ {
		c := text[at]
		switch {
		case c == r.escape && at+1 < len(text):
			at++
			word = append(word, text[at])
		case c == r.escape:
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && strings.IndexByte(" \t\v\f\r", c) >= 0:
			return string(word), text[at:]
		default:
			word = append(word, c)
		}
	}
	return string(word), ""
}

var documentForm = regexp.MustCompile(`^\d*<<(-?)([^<]+)$`)

// documents reads the here-documents that follow an instruction.
func (r *reader) documents(i *Instruction) error {
	if !slices.Contains([]string{"RUN", "COPY", "ADD"}, i.Name) || !strings.Contains(i.Args, "<<") {
		return nil
	}
	if _, list := jsonWords(i.Args); list {
		return nil
	}
	for _, word := range words(i.Args, r.escape) {
		parts := documentForm.FindStringSubmatch(word)
		if parts == nil {
			continue
		}
		i.Documents = true
		end := strings.NewReplacer(`"`, "", "'", "").Replace(parts[2])
		for {
			line, there := r.line()
			if !there {
				return errors.New("unterminated heredoc")
			}
			if parts[1] == "-" {
				line = strings.TrimLeft(line, "\t")
			}
			if line == end {
				break
			}
		}
	}
	return nil
}

// words are the words of a text, with their quotes.
func words(text string, escape byte) []string {
	var all []string
	var word []byte
	quote, inside := byte(0), false
	for at := 0; at < len(text); at++ {
		c := text[at]
		switch {
		case quote == 0 && strings.IndexByte(" \t\v\f\r\n", c) >= 0:
			if inside {
				all, word, inside = append(all, string(word)), nil, false
			}
			continue
		case c == escape && quote != '\'' && at+1 < len(text):
			word = append(word, c)
			at++
			c = text[at]
		case c == escape && quote != '\'':
			continue // the last character takes no meaning from anything
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		word, inside = append(word, c), true
	}
	if inside {
		all = append(all, string(word))
	}
	return all
}

// jsonWords are the arguments of an instruction that are a list of words in JSON.
func jsonWords(args string) ([]string, bool) {
	var list []string
	if !strings.HasPrefix(strings.TrimSpace(args), "[") || json.Unmarshal([]byte(args), &list) != nil {
		return nil, false
	}
	return list, true
}

// pair is a name with its value.
type pair struct {
	name, value string
	// hasValue tells an empty value from none.
	hasValue bool
}

// pairs are the names and values of ENV and LABEL: "NAME=value ...", or the older
// "NAME value".
func (d Dockerfile) pairs(i Instruction) ([]pair, error) {
	all := words(i.Args, d.escape)
	if len(all) == 0 {
		return nil, fmt.Errorf("%s requires at least one argument", i.Name)
	}
	if !strings.Contains(all[0], "=") {
		parts := blanks.Split(i.Args, 2)
		if len(parts) < 2 {
			return nil, fmt.Errorf("%s must have two arguments", i.Name)
		}
		return []pair{{parts[0], parts[1], true}}, nil
	}
	var pairs []pair
	for _, word := range all {
		name, value, has := strings.Cut(word, "=")
		if !has {
			return nil, fmt.Errorf("can't find = in %q; expected name=value", word)
		}
		if name == "" {
			return nil, fmt.Errorf("%s names can not be blank", i.Name)
		}
		pairs = append(pairs, pair{name, value, true})
	}
	return pairs, nil
}

// arguments are the names of ARG, with their values where they have one.
func (d Dockerfile) arguments(i Instruction) ([]pair, error) {
	all := words(i.Args, d.escape)
	if len(all) == 0 {
		return nil, errors.New("ARG requires at least one argument")
	}
	var pairs []pair
	for _, word := range all {
		name, value, has := strings.Cut(word, "=")
		if name == "" {
			return nil, errors.New("ARG names can not be blank")
		}
		pairs = append(pairs, pair{name, value, has})
	}
	return pairs, nil
}

// paths are the words of COPY and ADD.
func (i Instruction) paths() []string {
	if list, is := jsonWords(i.Args); is {
		return list
	}
	return strings.Fields(i.Args)
}

// flagsOf are the flags that an instruction may have; nil where it is no
// instruction.
func flagsOf(name string) []string {
	copying := []string{"chown", "chmod", "link", "exclude"}
	return map[string][]string{
		"FROM": {"platform"}, "RUN": {"mount", "network", "security", "device"},
		"COPY": slices.Concat(copying, []string{"from", "parents"}), "ADD": slices.Concat(copying, []string{"keep-git-dir", "checksum", "unpack"}),
		"HEALTHCHECK": {"interval", "timeout", "start-period", "start-interval", "retries"},
		"ARG":         {}, "CMD": {}, "ENTRYPOINT": {}, "ENV": {}, "EXPOSE": {}, "LABEL": {}, "MAINTAINER": {}, "ONBUILD": {}, "SHELL": {},
		"STOPSIGNAL": {}, "USER": {}, "VOLUME": {}, "WORKDIR": {},
	}[name]
}

var stageForm = regexp.MustCompile(`^[a-z][a-z0-9-_.]*$`)

// check says what is wrong with an instruction.
func (d Dockerfile) check(i Instruction) error {
	known := flagsOf(i.Name)
	if known == nil {
		return fmt.Errorf("unknown instruction: %s", blanks.Split(strings.TrimSpace(i.Text), 2)[0])
	}
	for _, flag := range i.Flags {
		name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown flag: --%s", name)
		}
	}
	return d.checkArgs(i)
}

func (d Dockerfile) checkArgs(i Instruction) error {
	list, isList := jsonWords(i.Args)
	switch i.Name {
	case "FROM":
		args := strings.Fields(i.Args)
		switch {
		case len(args) == 1:
		case len(args) != 3 || !strings.EqualFold(args[1], "as"):
			return errors.New("FROM requires either one or three arguments")
		case !stageForm.MatchString(strings.ToLower(args[2])):
			return fmt.Errorf("invalid name for build stage: %q, name can't start with a number or contain symbols", args[2])
		}
	case "ENV", "LABEL":
		_, err := d.pairs(i)
		return err
	case "ARG":
		_, err := d.arguments(i)
		return err
	case "COPY", "ADD":
		if len(i.paths()) < 2 {
			return fmt.Errorf("%s requires at least two arguments, but only one was provided. Destination could not be determined", i.Name)
		}
	case "USER", "WORKDIR", "STOPSIGNAL", "MAINTAINER":
		if i.Args == "" {
			return fmt.Errorf("%s requires exactly one argument", i.Name)
		}
	case "EXPOSE", "VOLUME", "ONBUILD", "HEALTHCHECK":
		if i.Args == "" {
			return fmt.Errorf("%s requires at least one argument", i.Name)
		}
	case "SHELL":
		switch {
		case !isList && i.Args != "":
			return errors.New("SHELL requires the arguments to be in JSON form")
		case len(list) == 0:
			return errors.New("SHELL requires at least one argument")
		}
	}
	return nil
}
