package check

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// codebase: one codebase, in version control.
func codebase(t *tree) {
	if t.Slug {
		return
	}
	if !t.Versioned {
		t.add(Finding{Factor: 1, Rule: "no-version-control", Severity: Warning,
			Problem: "the app is not under version control",
			Why:     "Every deploy is a version of one codebase; without versions nobody can say what runs, or go back.",
			Next:    "git init && git add . && git commit -m 'First version'"})
	}
	for _, dir := range t.repositories {
		t.add(Finding{Factor: 1, Rule: "nested-repository", Severity: Miss, File: dir,
			Problem: "is a repository of its own inside the app's",
			Why:     "An app has one codebase: what is in the other repository is not in this one's versions.",
			Next:    fmt.Sprintf("rm -rf %s/.git && git add %s, or declare it as a dependency or with git submodule add", dir, dir)})
	}
}

// manifestLock is a manifest and what locks it.
type manifestLock struct {
	manifest string
	// needs tells whether it declares what has to be locked.
	needs *pattern
	locks []string
	next  string
}

var manifestLocks = []manifestLock{
	{"go.mod", re(`(?m)^\s*(require\s+)?[\w.-]+\.[a-z]+/\S+\s+v\d`), []string{"go.sum", "go.work.sum", "vendor/modules.txt"}, "go mod tidy && git add go.sum"},
	{"Pipfile", re(`(?m)^\s*\[packages\]\s*\n+\s*["\w]`), []string{"Pipfile.lock"}, "pipenv lock && git add Pipfile.lock"},
	{"Gemfile", re(`(?m)^\s*gem\s`), []string{"Gemfile.lock"}, "bundle lock && git add Gemfile.lock"},
	{"Cargo.toml", re(`(?m)^\s*\[dependencies\]\s*\n+\s*["\w]`), []string{"Cargo.lock"}, "cargo generate-lockfile && git add Cargo.lock"},
}

const lockWhy = "Without exact versions tomorrow's build is another app than today's."

var composerNeeds = re(`"require"\s*:\s*\{[^}]*"[\w.-]+/[\w.-]+"`)

// dependencies: declared, locked, and not committed.
func dependencies(t *tree) {
	for _, f := range t.files {
		dir := path.Dir(f.name)
		switch base := f.base(); {
		case base == "package.json":
			t.nodePackage(f, dir)
		case base == "pyproject.toml":
			t.pythonProject(f, dir)
		case base == "composer.json":
			if composerNeeds.in(f.text) && !t.above(dir, "composer.lock") {
				t.unlocked(f, "composer.lock", "composer update --lock && git add composer.lock")
			}
		case strings.HasPrefix(base, "requirements") && path.Ext(base) == ".txt":
			t.requirements(f)
		default:
			for _, m := range manifestLocks {
				if m.manifest == base && m.needs.in(strings.Join(f.lines, "\n")) && !t.locked(dir, m.locks) {
					t.unlocked(f, m.locks[0], m.next)
				}
			}
		}
	}
	for _, dir := range t.dirs {
		modules := path.Join(dir, "node_modules")
		if !t.Slug && t.exists(modules) && t.file(path.Join(dir, "package.json")) != nil && t.committed(modules) {
			t.add(Finding{Factor: 2, Rule: "modules-committed", Severity: Miss, File: modules,
				Problem: "is in version control",
				Why:     "What is installed belongs to one machine: its programs may not run on the stack, and no lock file says what it is.",
				Next:    fmt.Sprintf("git rm -r --cached %s && echo node_modules/ >> .gitignore", modules)})
		}
	}
}

// locked is whether one of the locks is in a directory or above it, where a workspace
// has it.
func (t *tree) locked(dir string, locks []string) bool {
	if t.above(dir, locks...) {
		return true
	}
	for ; ; dir = path.Dir(dir) {
		for _, lock := range locks {
			if t.exists(path.Join(dir, lock)) {
				return true
			}
		}
		if dir == "." {
			return false
		}
	}
}

func (t *tree) unlocked(f *file, lock, next string) {
	t.add(Finding{Factor: 2, Rule: "lock-missing", Severity: Miss, File: f.name,
		Problem: "declares dependencies, and there is no " + lock, Why: lockWhy, Next: next})
}

// nodePackage looks for the lock file of a package.json.
func (t *tree) nodePackage(f *file, dir string) {
	var manifest struct {
		PackageManager  string            `json:"packageManager"`
		Dependencies    map[string]string `json:"dependencies"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if json.Unmarshal([]byte(f.text), &manifest) != nil || len(manifest.Dependencies)+len(manifest.DevDependencies) == 0 {
		return
	}
	if t.above(dir, "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb") {
		return
	}
	manager, _, _ := strings.Cut(manifest.PackageManager, "@")
	switch manager {
	case "yarn":
		t.unlocked(f, "yarn.lock", "yarn install && git add yarn.lock")
	case "pnpm":
		t.unlocked(f, "pnpm-lock.yaml", "pnpm install --lockfile-only && git add pnpm-lock.yaml")
	case "bun":
		t.unlocked(f, "bun.lock", "bun install --lockfile-only && git add bun.lock")
	default:
		t.unlocked(f, "package-lock.json", "npm install --package-lock-only && git add package-lock.json")
	}
}

var (
	poetryNeeds  = re(`(?m)^\s*\[tool\.poetry\.dependencies\]`)
	projectNeeds = re(`(?m)^\s*dependencies\s*=\s*\[\s*["']`)
)

// pythonProject looks for the lock file of a pyproject.toml.
func (t *tree) pythonProject(f *file, dir string) {
	text := strings.Join(f.lines, "\n")
	poetry := poetryNeeds.in(text)
	if !poetry && !projectNeeds.in(text) ||
		t.above(dir, "poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Pipfile.lock", "requirements.txt") {
		return
	}
	switch {
	case poetry || strings.Contains(text, "[tool.poetry"):
		t.unlocked(f, "poetry.lock", "poetry lock && git add poetry.lock")
	case strings.Contains(text, "[tool.pdm"):
		t.unlocked(f, "pdm.lock", "pdm lock && git add pdm.lock")
	default:
		t.unlocked(f, "uv.lock", "uv lock && git add uv.lock")
	}
}

// pinned is a line of a requirements.txt that names one version, or no package of a
// registry.
var pinned = re(`===?\s*[^*\s]+(\s|\\|;|$)|\s@\s|^\s*(-|$)|^\s*(git\+|https?:|file:|\.|/)`)

// bounded is a range that has an end.
var bounded = re(`<|~=|==.*\*`)

// requirements looks for dependencies without a version. Those of the root count, and
// not those for development.
func (t *tree) requirements(f *file) {
	if f.name != "requirements.txt" || t.file("constraints.txt") != nil || t.above(".", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock") {
		return
	}
	var loose []int
	severity := Warning
	for i, line := range f.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "-c") {
			return
		}
		continued := i > 0 && strings.HasSuffix(strings.TrimSpace(f.lines[i-1]), "\\")
		if !continued && !pinned.in(line) {
			loose = append(loose, i)
			if !bounded.in(line) {
				severity = Miss
			}
		}
	}
	if len(loose) == 0 {
		return
	}
	name := strings.TrimSpace(f.lines[loose[0]])
	problem := fmt.Sprintf("does not say exactly which version: %s", name)
	if len(loose) > 1 {
		problem = fmt.Sprintf("does not say exactly which version: %s, and %d more", name, len(loose)-1)
	}
	t.addAt(f, loose[0], Finding{Factor: 2, Rule: "lock-missing", Severity: severity,
		Problem: problem, Why: lockWhy,
		Next: "mv requirements.txt requirements.in && pip-compile --generate-hashes requirements.in, or pip freeze > requirements.txt in the app's own environment"})
}

var (
	// calls are how code starts another program; the name follows.
	calls = re("(?:\\b(?:exec|execSync|execFile|execFileSync|spawn|spawnSync)\\(\\s*|\\bsubprocess\\.(?:run|call|check_call|check_output|Popen|getoutput)\\(\\s*\\[?\\s*|\\bos\\.(?:system|popen)\\(\\s*|\\bcreate_subprocess_(?:exec|shell)\\(\\s*|\\bexec\\.Command(?:Context)?\\((?:\\w[\\w.]*(?:\\(\\))?,\\s*)?|\\bnew ProcessBuilder\\(\\s*(?:List\\.of\\(|Arrays\\.asList\\()?|getRuntime\\(\\)\\.exec\\(\\s*|\\b(?:system|shell_exec|passthru)\\(?\\s*)f?[\"'`]([a-z][a-z0-9_-]*)[\\s\"'`]")
	// starting are texts of which a line that starts a program has one.
	starting = []string{"exec", "spawn", "process", "Process", "system", "popen", "passthru"}
	// byHandOnly are directories of what developers start.
	byHandOnly = re(`(^|/)(scripts?|tools?|hack|ci|extra|bin)/`)
	// packages are those of Debian that have programs which apps call.
	packages = map[string]string{
		"convert": "imagemagick", "magick": "imagemagick", "identify": "imagemagick", "mogrify": "imagemagick",
		"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "wkhtmltopdf": "wkhtmltopdf", "wkhtmltoimage": "wkhtmltopdf",
		"pdftotext": "poppler-utils", "pdftoppm": "poppler-utils", "pdfinfo": "poppler-utils", "gs": "ghostscript",
		"curl": "curl", "wget": "wget", "git": "git", "pg_dump": "postgresql-client", "psql": "postgresql-client",
		"mysqldump": "default-mysql-client", "mysql": "default-mysql-client", "redis-cli": "redis-tools",
		"tesseract": "tesseract-ocr", "libreoffice": "libreoffice", "soffice": "libreoffice", "pandoc": "pandoc",
		"chromium": "chromium", "inkscape": "inkscape", "exiftool": "libimage-exiftool-perl", "dot": "graphviz",
		"unzip": "unzip", "zip": "zip", "rsync": "rsync", "jq": "jq", "xelatex": "texlive-xetex", "pdflatex": "texlive-latex-base",
	}
)

// programs: those that the app calls are declared, too.
func programs(t *tree) {
	declared := ""
	for _, name := range []string{"Aptfile", "project.toml", "app.json"} {
		if f := t.file(name); f != nil {
			declared += strings.Join(f.lines, "\n") + "\n"
		}
	}
	bundled := ""
	for _, f := range t.files {
		if f.base() == "package.json" || f.base() == "requirements.txt" || f.base() == "pyproject.toml" {
			bundled += f.text
		}
	}
	told := map[string]bool{}
	for _, f := range t.files {
		if f.kind&code == 0 || development.in(f.name) || byHandOnly.in(f.name) {
			continue
		}
		for i, line := range f.lines {
			if !hasOne(line, starting) {
				continue
			}
			m := calls.groups(line)
			if m == nil {
				continue
			}
			program := m[1]
			debian, known := packages[program]
			if !known || told[program] || strings.Contains(declared, debian) || strings.Contains(declared, program) ||
				strings.Contains(bundled, program+"-static") || strings.Contains(bundled, program+"-installer") {
				continue
			}
			told[program] = true
			t.addAt(f, i, Finding{Factor: 2, Rule: "program-undeclared", Severity: Miss,
				Problem: fmt.Sprintf("calls %s, which the app does not declare", program),
				Why:     "A program that happens to be on one machine is missing on the next, and then a request fails instead of the build.",
				Next:    fmt.Sprintf("echo %s >> Aptfile && git add Aptfile, and build with the apt buildpack, or use a library", debian)})
		}
	}
}
