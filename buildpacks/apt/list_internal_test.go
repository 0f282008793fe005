package apt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	const table = "[com.heroku.buildpacks.deb-packages]\n"
	for name, tt := range map[string]struct {
		apt, project string
		want         []string
		files        int
		problem      string
	}{
		"as Heroku reads it":      {apt: "# what we need\n\njq imagemagick\nlibpq-dev # for psycopg\n  git\njq\n", want: []string{"git", "imagemagick", "jq", "libpq-dev"}, files: 1},
		"Windows":                 {apt: "\ufeffjq\r\nlibvips42t64\r\n", want: []string{"jq", "libvips42t64"}, files: 1},
		"a version":               {apt: "jq=1.7.1-6+deb13u4\n", want: []string{"jq (= 1.7.1-6+deb13u4)"}, files: 1},
		"nothing":                 {apt: "# later\n", files: 1},
		"project.toml":            {project: table + `install = ["jq", { name = "git", env = { "GIT_EXEC_PATH" = "{install_dir}/usr/lib/git-core" } }]`, want: []string{"git", "jq"}, files: 1},
		"both":                    {apt: "jq", project: table + `install = ["git"]`, want: []string{"git", "jq"}, files: 2},
		"project.toml of no such": {project: "[_]\nschema-version = \"0.2\"\n"},
		"an archive":              {apt: "jq\n:repo:deb https://example.com stable main\n", problem: "line 2 of Aptfile asks for packages of another archive"},
		"an address":              {apt: "https://example.com/a.deb", problem: "line 1 of Aptfile: https://example.com/a.deb is a file"},
		"an option":               {apt: "jq\n--force-yes\n", problem: `line 2 of Aptfile: "--force-yes" is no name`},
		"another architecture":    {apt: "libc6:i386", problem: "is no name of a package"},
		"sources":                 {project: table + "sources = [{ uri = \"https://example.com\" }]", problem: "has sources"},
		"a number":                {project: table + "install = [1]", problem: "expected names of packages"},
		"an env that is none":     {project: table + `install = [{ name = "git", env = "A" }]`, problem: "expected a table"},
		"a merge":                 {apt: "<<<<<<< HEAD\njq\n", problem: "unfinished merge"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{aptFile: tt.apt, projectFile: tt.project} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			l, err := read(dir)
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Errorf("got %v, expected %q", err, tt.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, l.packages); diff != "" || len(l.files) != tt.files {
				t.Errorf("files %v, packages (-expected +got):\n%s", l.files, diff)
			}
			var out bytes.Buffer
			result, err := Detect(&out)(libcnb.DetectContext{ApplicationPath: dir})
			if err != nil || result.Pass != (tt.files > 0) || result.Pass != (out.Len() == 0) {
				t.Errorf("bin/detect: %t, %v, %q", result.Pass, err, out.String())
			}
		})
	}
}

func TestEnv(t *testing.T) {
	l := list{env: map[string]string{"GIT_EXEC_PATH": "{install_dir}/usr/lib/git-core"}}
	to := libcnb.Layer{Path: "/layers/packages", LaunchEnvironment: libcnb.Environment{}, BuildEnvironment: libcnb.Environment{}}
	l.addEnv(&to)
	want := libcnb.Environment{"GIT_EXEC_PATH.override": "/layers/packages/usr/lib/git-core"}
	if diff := cmp.Diff(want, to.LaunchEnvironment) + cmp.Diff(want, to.BuildEnvironment); diff != "" {
		t.Error(diff)
	}
}

func FuzzReadApt(f *testing.F) {
	for _, seed := range []string{"jq\n", "# a\njq=1 git", ":repo:deb x", "https://example.com/a.deb", "a b\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l list
		if l.readApt(text) != nil {
			return
		}
		for _, one := range l.packages {
			if strings.ContainsAny(one, "\n,|:;#/") && !strings.Contains(one, " (= ") {
				t.Errorf("%q gave %q", text, one)
			}
		}
	})
}
