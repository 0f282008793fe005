package golang_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// Parts of apps for tests.
const (
	usesUUID  = "package main\n\nimport _ \"github.com/google/uuid\"\n\nfunc main() {}\n"
	asksUUID  = "module example.com/hello\n\ngo 1.26\n\nrequire github.com/google/uuid v1.6.0\n"
	sumOfUUID = "github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=\n" +
		"github.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n"
)

// What cannot be built is refused before anything is downloaded.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		env   map[string]string
		// says are the parts that the error must hold: the file, and what to type.
		says []string
	}{
		"dep": {
			files: map[string]string{"Gopkg.lock": "", "main.go": usesUUID},
			says:  []string{"Gopkg.lock is of dep", "  go mod init example.com/NAME\n  go mod tidy\n  git rm -r Gopkg.lock\n  git add go.mod go.sum"},
		},
		"govendor": {files: map[string]string{"vendor/vendor.json": "{}"}, says: []string{"vendor/vendor.json is of govendor", "  git rm -r vendor\n"}},
		"godep":    {files: map[string]string{"Godeps/Godeps.json": "{}"}, says: []string{"  git rm -r Godeps\n"}},
		"a go.mod that is not valid": {
			files: map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\nrequire x\nfoo bar\n"},
			says:  []string{"go.mod is not valid\nline 4: ", "line 5: ", "  go mod edit -json go.mod"},
		},
		"a go.mod without a module": {files: map[string]string{"go.mod": "go 1.26\n"}, says: []string{"go.mod names no module", "  go mod edit -module="}},
		"an unfinished merge": {
			files: map[string]string{"go.mod": "module a\n<<<<<<< HEAD\n", "main.go": usesUUID},
			says:  []string{"go.mod holds an unfinished merge\nline 2: <<<<<<< HEAD", "  git add go.mod"},
		},
		"no go.sum": {
			files: map[string]string{"go.mod": asksUUID, "main.go": usesUUID},
			says: []string{"there is no go.sum", "go.mod asks for github.com/google/uuid v1.6.0\n",
				"  go mod tidy\n  git add go.mod go.sum\n  git commit"},
		},
		"a go.sum of another version": {
			files: map[string]string{"go.mod": asksUUID, "main.go": usesUUID, "go.sum": "github.com/google/uuid v1.5.0 h1:x\ngithub.com/google/uuid v1.5.0/go.mod h1:x\n"},
			says: []string{"go.mod and go.sum are out of step with the source",
				"go.mod asks for github.com/google/uuid v1.6.0, go.sum has v1.5.0", "  go mod tidy\n"},
		},
		"a go.sum without the files of a module": {
			files: map[string]string{"go.mod": asksUUID, "main.go": usesUUID, "go.sum": "github.com/google/uuid v1.6.0/go.mod h1:x\n"},
			says:  []string{"go.mod asks for github.com/google/uuid v1.6.0, go.sum has nothing of it"},
		},
		"an import that no module provides": {
			files: map[string]string{"go.mod": oneCommand["go.mod"], "main.go": usesUUID},
			says:  []string{"./ imports github.com/google/uuid, which no module in go.mod provides", "  go mod tidy\n"},
		},
		"an import below the command": {
			files: map[string]string{"go.mod": oneCommand["go.mod"], "main.go": "package main\n\nimport _ \"example.com/hello/internal/a\"\n\nfunc main() {}\n",
				"internal/a/a.go": "package a\n\nimport _ \"github.com/google/uuid\"\n"},
			says: []string{"./internal/a imports github.com/google/uuid, which"},
		},
		"a go.sum that is none": {
			files: map[string]string{"go.sum": "hello\n"},
			says:  []string{"go.sum, line 1 is not one of a module", "  rm go.sum\n  go mod tidy\n"},
		},
		"a vendor directory of another go.mod": {
			files: map[string]string{"go.mod": asksUUID, "main.go": usesUUID, "vendor/modules.txt": "# github.com/google/uuid v1.5.0\n## explicit\ngithub.com/google/uuid\n# example.com/old v1.0.0\n## explicit\n"},
			says: []string{"the vendor directory is out of step with go.mod", "go.mod asks for github.com/google/uuid v1.6.0, vendor/modules.txt has v1.5.0",
				"vendor/modules.txt has example.com/old, which go.mod does not ask for", "  go mod vendor\n  git add -f vendor\n", "  git rm -r vendor"},
		},
		"a vendor directory without a module": {
			files: map[string]string{"go.mod": asksUUID, "main.go": usesUUID, "vendor/modules.txt": ""},
			says:  []string{"go.mod asks for github.com/google/uuid v1.6.0, which is not in vendor/modules.txt"},
		},
		"a replacement outside of the app": {
			files: map[string]string{"go.mod": asksUUID + "replace github.com/google/uuid => ../uuid\n", "main.go": usesUUID},
			says:  []string{"go.mod, line 6: github.com/google/uuid is replaced by ../uuid, which is outside of the app", "slugc build DIRECTORY --app APP\nor commit the directory with the app", "  go mod edit -dropreplace=github.com/google/uuid"},
		},
		"a replacement that is not there": {
			files: map[string]string{"go.mod": asksUUID + "replace github.com/google/uuid => ./uuid\n", "main.go": usesUUID},
			says:  []string{"is replaced by ./uuid, where there is no go.mod"},
		},
		"no program": {
			files: map[string]string{"main.go": "package hello\n"},
			says:  []string{"the app has no package main", "./ (package hello)", "  package main"},
		},
		"no Go files": {files: map[string]string{"main.go": "//go:build ignore\n\npackage main\n"}, says: []string{"there are no Go files for this system beside go.mod"}},
		"a target that is not there": {
			files: map[string]string{"cmd/api/main.go": oneCommand["main.go"]}, env: map[string]string{"BP_GO_TARGETS": "./cmd/web"},
			says: []string{"BP_GO_TARGETS asks for ./cmd/web, where there is no program", "the app has ./, ./cmd/api"},
		},
		"a target that is no program": {
			files: map[string]string{"lib/lib.go": "package lib\n"}, env: map[string]string{"GO_INSTALL_PACKAGE_SPEC": "./lib"},
			says: []string{"GO_INSTALL_PACKAGE_SPEC asks for ./lib, which is package lib and no program"},
		},
		"two programs of a name": {
			files: map[string]string{"cmd/hello/main.go": oneCommand["main.go"]},
			says:  []string{"./ and ./cmd/hello are both programs of the name hello", "BP_GO_TARGETS="},
		},
		"a workspace with a directory that is no module": {
			files: map[string]string{"go.work": "go 1.26\nuse ./api\n"},
			says:  []string{"go.work, line 2 uses the module in api, which has no go.mod", "  go work edit -dropuse=./api"},
		},
		"a workspace outside of the app": {
			files: map[string]string{"go.work": "go 1.26\nuse ../api\n"}, says: []string{"go.work, line 2 uses the module in ../api, which is outside of the app", "slugc build DIRECTORY --app APP\nor move it into the app"},
		},
		"a workspace of nothing": {files: map[string]string{"go.work": "go 1.26\n"}, says: []string{"go.work uses no module", "  go work use ./DIRECTORY"}},
		"a workspace that is older than a module": {
			files: map[string]string{"go.work": "go 1.25\nuse .\n"},
			says:  []string{"go.work says go 1.25, but go.mod says go 1.26, which is newer", "  go work use\n  git add go.work"},
		},
		"a version that says nothing": {
			env:  map[string]string{"BP_GO_VERSION": "newest, please"},
			says: []string{`BP_GO_VERSION "newest, please" does not say which Go to use`, "  slugc build -e BP_GO_VERSION=1.27"},
		},
		"a flag that is not the app's": {
			env: map[string]string{"BP_GO_BUILD_FLAGS": "-o /tmp/x"}, says: []string{"BP_GO_BUILD_FLAGS has -o, which is not for an app to choose"},
		},
		"a word that is no flag":               {env: map[string]string{"BP_GO_BUILD_FLAGS": "-v ./cmd/web"}, says: []string{`BP_GO_BUILD_FLAGS has "./cmd/web", which is no flag`, "BP_GO_TARGETS"}},
		"a quote without end":                  {env: map[string]string{"BP_GO_BUILD_FLAGS": "-ldflags='-s"}, says: []string{"BP_GO_BUILD_FLAGS has a quote that does not end"}},
		"a lock that may change":               {env: map[string]string{"GOFLAGS": "-mod=mod"}, says: []string{"has -mod=mod, with which a build may change go.mod", "  go mod tidy"}},
		"a vendor directory that is not there": {env: map[string]string{"GOFLAGS": "-mod=vendor"}, says: []string{"has -mod=vendor, but there is no vendor/modules.txt", "  go mod vendor\n  git add -f vendor"}},
		"C without a compiler": {
			env:  map[string]string{"CGO_ENABLED": "1", "PATH": "/nowhere"},
			says: []string{"CGO_ENABLED=1 asks for C, and the stack has no C compiler", "  slugc build --stack slugc-13", "  slugc build -e CGO_ENABLED=0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			for name, value := range test.env {
				s.Env[name] = value
			}
			switch name {
			case "dep", "govendor", "godep":
				s.Remake(test.files)
			default:
				s.Write(test.files)
			}
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
			if diff := cmp.Diff([]string(nil), s.proxy.Requests()); diff != "" {
				t.Errorf("something was asked for: %s", diff)
			}
			if _, err := os.Stat(filepath.Join(s.Layers, ".scratch")); err == nil {
				t.Error("the scratch is left")
			}
		})
	}
}
