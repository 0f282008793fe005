package python

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/python/pep508"
)

// requirementsFile is what pip installs from.
const requirementsFile = "requirements.txt"

// requirements are a requirements file with all that it includes (pip,
// "Requirements File Format").
type requirements struct {
	// dir is the app's directory, and source that of all that reaches the build.
	dir, source string
	// files are the files that were read, with their text, by path.
	files map[string][]byte
	// names are the packages that are named, loose the lines that leave their
	// version open, and local the directories that are installed, by their paths
	// from the app.
	names, loose, local []string
	// hashed tells whether a line has a checksum.
	hashed bool
	// builds tells whether something has to be built from its source.
	builds bool
	// constrained tells whether there are constraints besides.
	constrained bool
}

// maxIncluded bounds how many files a requirements file may include.
const maxIncluded = 100

// readRequirements reads a requirements file of an app.
func readRequirements(dir, source, name string) (requirements, error) {
	r := requirements{dir: dir, source: source, files: map[string][]byte{}}
	err := r.read(name, "", false)
	return r, err
}

func (r *requirements) read(name, from string, constraints bool) error {
	if _, seen := r.files[name]; seen {
		return nil
	}
	if len(r.files) >= maxIncluded {
		return appfile.Error("%s includes more than %d files", requirementsFile, maxIncluded)
	}
	data, err := appfile.Read(r.dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return appfile.Error("%s includes %s, which is not there\nadd it, or take the line out:\n  git add %s", from, name, name)
	}
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(data), "\xff\xfe") || strings.HasPrefix(string(data), "\xfe\xff") {
		return appfile.Error("%s is in UTF-16, as PowerShell writes it\nexpected UTF-8. Write it again:\n  pip freeze | Out-File -Encoding utf8 %s", name, name)
	}
	r.files[name] = data
	for number, text := range logicalLines(string(data)) {
		if err := r.line(name, number, text, constraints); err != nil {
			return err
		}
	}
	return nil
}

// logicalLines are the lines without comments, joined where one ends in a
// backslash, by the number of their first line.
func logicalLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number, start, whole := 0, 0, ""
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if start == 0 {
				start = number
			}
			if before, goesOn := strings.CutSuffix(line, "\\"); goesOn && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				whole += before + " "
				continue
			}
			whole += line
			if text := strings.TrimSpace(withoutComment(whole)); text != "" && !yield(start, text) {
				return
			}
			start, whole = 0, ""
		}
		if text := strings.TrimSpace(withoutComment(whole)); text != "" {
			yield(start, text)
		}
	}
}

// withoutComment cuts a comment: a # at the beginning or behind a blank.
func withoutComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func (r *requirements) line(name string, number int, text string, constraints bool) error {
	option, value := text, ""
	if at := strings.IndexAny(text, " =\t"); at >= 0 {
		option, value = text[:at], strings.TrimSpace(strings.TrimLeft(text[at:], " =\t"))
	}
	if len(text) > 2 && text[0] == '-' && text[1] != '-' && text[2] != ' ' && text[2] != '=' {
		option, value = text[:2], strings.TrimSpace(text[2:])
	}
	switch option {
	case "-r", "--requirement", "-c", "--constraint":
		if strings.Contains(value, "://") {
			return appfile.Error("%s, line %d: it includes the address %s\nwhat is there may change from one build to the next: put the file into the app", name, number, redacted(value))
		}
		included := path.Join(path.Dir(name), strings.Trim(value, `"'`))
		if !r.has(included) {
			return notInApp(name, number, value, included)
		}
		isConstraint := strings.HasPrefix(option, "-c") || option == "--constraint"
		r.constrained = r.constrained || isConstraint
		return r.read(included, name, constraints || isConstraint)
	case "-e", "--editable":
		if constraints {
			return nil
		}
		return r.path(name, number, value)
	case "--no-binary":
		r.builds = true
		return nil
	}
	if strings.HasPrefix(text, "-") || constraints {
		return nil
	}
	r.hashed = r.hashed || strings.Contains(text, "--hash")
	wanted, _, _ := strings.Cut(text, " --")
	wanted = strings.TrimSpace(wanted)
	if isPath(wanted) {
		return r.path(name, number, wanted)
	}
	if strings.Contains(wanted, "://") && !strings.Contains(wanted, "@ ") && !strings.Contains(wanted, " @") {
		r.address(wanted)
		return nil
	}
	// Variables are put in by the installer.
	parsed, err := pep508.ParseRequirement(wanted)
	if err != nil {
		return appfile.Error("%s, line %d: %w\n  %s", name, number, err, redacted(text))
	}
	r.names = append(r.names, parsed.Name)
	if parsed.URL != "" {
		r.address(wanted)
		return nil
	}
	if _, exact := parsed.Wanted.Exact(); !exact {
		r.loose = append(r.loose, wanted)
	}
	return nil
}

// address notes a requirement that names where it comes from. One of git is
// pinned by a commit.
func (r *requirements) address(text string) {
	if !strings.Contains(text, "git+") {
		return
	}
	r.builds = true
	_, address, _ := strings.Cut(text, "git+")
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, " ")
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !isCommit(address[at+1:]) {
		r.loose = append(r.loose, redacted(text))
	}
}

func isCommit(text string) bool {
	return len(text) == 40 && strings.Trim(text, "0123456789abcdef") == ""
}

// path notes a requirement that is in the app.
func (r *requirements) path(name string, number int, value string) error {
	value = strings.Trim(value, `"'`)
	if strings.Contains(value, "://") && !strings.HasPrefix(value, "file:") {
		r.address(value)
		return nil
	}
	value, _, _ = strings.Cut(value, " ")
	value, _, _ = strings.Cut(value, "[")
	clean := path.Clean(strings.TrimPrefix(value, "file:"))
	if !r.has(clean) && !strings.HasPrefix(clean, "/app") {
		return notInApp(name, number, value, clean)
	}
	if !strings.HasSuffix(clean, ".whl") {
		r.builds = true
	}
	r.local = append(r.local, clean)
	return nil
}

// has tells whether a path from the app reaches the build.
func (r *requirements) has(name string) bool {
	return !path.IsAbs(name) && layer.Within(r.source, filepath.Join(r.dir, filepath.FromSlash(name)))
}

// notInApp is the error of a line with a path that does not reach the build.
func notInApp(name string, number int, value, clean string) error {
	if top := strings.Repeat("../", strings.Count(clean, "../")); top != "" && !path.IsAbs(clean) {
		return appfile.Error("%s, line %d: %s is not in the app\nonly what is in the source reaches the build: move it there, or build the directory that has both, and name the app in it:\n"+
			"  slugc build %s --app DIRECTORY", name, number, value, strings.TrimSuffix(top, "/"))
	}
	return appfile.Error("%s, line %d: %s is not in the app\nonly what is in the source reaches the build: move it there", name, number, value)
}

// isPath tells whether a requirement is a file or directory, as pip does.
func isPath(text string) bool {
	return strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "file:") ||
		!strings.Contains(text, "://") && !strings.Contains(text, "@") && (strings.Contains(text, "/") || strings.HasSuffix(text, ".whl") || strings.HasSuffix(text, ".tar.gz"))
}

// redacted takes credentials out of a text with an address.
func redacted(text string) string {
	before, rest, found := strings.Cut(text, "://")
	if !found {
		return text
	}
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		host = host[at+1:]
	}
	return before + "://" + host + "/" + path
}

// empty tells whether nothing is installed.
func (r requirements) empty() bool {
	return len(r.names)+len(r.local) == 0 && !r.builds && !slices.ContainsFunc(sortedKeys(r.files), func(name string) bool {
		return strings.Contains(string(r.files[name]), "://")
	})
}

// warning says what is not pinned, "" when all is.
func (r requirements) warning() string {
	if len(r.loose) == 0 {
		return ""
	}
	const most = 6
	lines := slices.Clone(r.loose)
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	which := "does not pin"
	if r.constrained {
		which = "pins by constraints at most"
	}
	return fmt.Sprintf("%s %s:\n  %s\nso a later build may get other versions. Pin all of them, with what works on your machine:\n"+
		"  pip freeze > %s\nor keep what you want in requirements.in, and compile it:\n"+
		"  pip-compile --generate-hashes requirements.in", requirementsFile, which, strings.Join(lines, "\n  "), requirementsFile)
}
