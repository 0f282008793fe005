package deno

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// files makes an app.
func files(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const locked5 = `{"version": "5", "specifiers": {"npm:hono@^4.7.0": "4.13.19", "jsr:@std/path@1": "1.0.0", "npm:chalk@*": "5.0.0"}}`

func TestReadApp(t *testing.T) {
	for name, tt := range map[string]struct {
		files   map[string]string
		problem string
		start   []string
	}{
		"a task": {
			files: map[string]string{"deno.json": `{"tasks": {"start": "deno run -A main.ts"}}`},
			start: []string{"deno", "run", "--cached-only", "-A", "main.ts"},
		},
		"a task with a watcher": {
			files: map[string]string{"deno.json": `{"tasks": {"start": "deno serve --watch main.ts"}}`},
			start: []string{"deno", "serve", "--cached-only", "main.ts"},
		},
		"a task for a shell": {
			files: map[string]string{"deno.json": `{"tasks": {"start": {"command": "deno run -A main.ts --port=$PORT"}}}`},
			start: []string{"deno", "task", "start"},
		},
		"comments and a lock": {
			files: map[string]string{
				"deno.jsonc": "{\n  // \"lock\": false,\n  \"imports\": {\"hono\": \"npm:hono@^4.7.0\", /* \" */ \"path\": \"jsr:@std/path@1/posix\", \"x\": \"npm:chalk\",},\n}",
				"deno.lock":  locked5, "main.ts": "Deno.serve({port: Number(Deno.env.get('PORT'))}, f)",
			},
			start: []string{"deno", "run", "--cached-only", "--allow-all", "main.ts"},
		},
		"a server that does not say PORT": {
			files: map[string]string{"deno.json": `{}`, "main.ts": "Deno.serve(f)"},
			start: []string{"bash", "-c", "DENO_SERVE_ADDRESS=tcp:0.0.0.0:${PORT:-8000} exec deno run --cached-only --allow-all main.ts"},
		},
		"a server that is exported": {
			files: map[string]string{"deno.json": `{}`, "main.ts": "export default {\n  fetch(r) {}\n}"},
			start: []string{"bash", "-c", "exec deno serve --cached-only --allow-all --host 0.0.0.0 --port ${PORT:-8000} main.ts"},
		},
		"nothing to start":    {files: map[string]string{"deno.json": `{}`}},
		"no lock file":        {files: map[string]string{"deno.json": `{"imports": {"hono": "npm:hono@^4.7.0"}}`}, problem: "there is no deno.lock"},
		"no lock, in a line":  {files: map[string]string{"deno.json": `{}`, "main.ts": `import { a } from "jsr:@std/path@1";`}, problem: "git add deno.lock"},
		"no lock on purpose":  {files: map[string]string{"deno.json": `{"lock": false}`}, problem: `deno.json says "lock": false`},
		"out of step":         {files: map[string]string{"deno.json": `{"imports": {"hono": "npm:hono@^3"}}`, "deno.lock": locked5}, problem: "it does not have npm:hono@^3"},
		"out of step, a line": {files: map[string]string{"deno.json": `{}`, "main.ts": "import \"npm:express@5\"", "deno.lock": locked5}, problem: "npm:express@5"},
		"an old lock":         {files: map[string]string{"deno.json": `{"imports": {"hono": "npm:hono@^3"}}`, "deno.lock": `{"version": "3"}`}},
		"broken settings":     {files: map[string]string{"deno.json": "{\n  x\n}"}, problem: "deno.json"},
		"a merge":             {files: map[string]string{"deno.json": `{}`, "deno.lock": "<<<<<<< HEAD\n"}, problem: "git checkout --theirs deno.lock"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := readApp(files(t, tt.files))
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("got %v, expected %q", err, tt.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.start, a.start()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAsks(t *testing.T) {
	for name, tt := range map[string]struct {
		files, env map[string]string
		want       string
	}{
		"nothing":        {},
		".deno-version":  {files: map[string]string{".deno-version": "v2.4.1\n"}, want: "2.4.1"},
		".dvmrc first":   {files: map[string]string{".deno-version": "2.4.1", ".dvmrc": "2.5.0"}, want: "2.5.0"},
		".tool-versions": {files: map[string]string{".tool-versions": "nodejs 24\ndeno 2.6.1\n"}, want: "2.6.1"},
		"the variable":   {files: map[string]string{".dvmrc": "2.5.0"}, env: map[string]string{"DENO_VERSION": "2.7"}, want: "2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			a := app{dir: files(t, tt.files)}
			got, err := a.asks(tt.env)
			if err != nil || got.Text != tt.want {
				t.Errorf("got %q, %v, expected %q", got.Text, err, tt.want)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		why   string
	}{
		"settings":              {files: map[string]string{"deno.json": "{}"}},
		"a lock file alone":     {files: map[string]string{"deno.lock": "{}"}},
		"package.json and lock": {files: map[string]string{"deno.json": "{}", "deno.lock": "{}", "package.json": "{}"}},
		"Node.js":               {files: map[string]string{"deno.json": "{}", "deno.lock": "{}", "package.json": "{}", "package-lock.json": "{}"}, why: "git rm package-lock.json"},
		"Node.js without lock":  {files: map[string]string{"deno.json": "{}", "package.json": "{}"}, why: "deno install && git add deno.lock"},
		"something else":        {files: map[string]string{"main.go": ""}, why: "no deno.json, deno.jsonc or deno.lock"},
	} {
		t.Run(name, func(t *testing.T) {
			result, says := languagetest.Detected(t, Detect, tt.files, nil)
			if result.Pass != (tt.why == "") || !strings.Contains(says, tt.why) {
				t.Errorf("%t, %q", result.Pass, says)
			}
		})
	}
}

func FuzzPlainJSON(f *testing.F) {
	for _, seed := range []string{`{"a": "//", /* x */ "b": [1, 2,],}`, "// a\n{}", `"\`, "/", "/*"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		plain := plainJSON(data)
		if len(plain) != len(data) || bytes.Count(plain, []byte("\n")) != bytes.Count(data, []byte("\n")) {
			t.Errorf("%q became %q", data, plain)
		}
		if json.Valid(data) && !bytes.Equal(data, plain) {
			t.Errorf("JSON %q became %q", data, plain)
		}
	})
}
