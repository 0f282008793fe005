package main

import (
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// releaseLine is "releaseline DIR TYPE FILE" in scripts: it looks up a process
// type in the .release of an unpacked slug with a reader of YAML, as herokuish
// does, and puts its line into a file.
func releaseLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: releaseline DIR TYPE FILE")
	}
	text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), ".release"))
	ts.Check(err)
	var release struct {
		Types map[string]string `yaml:"default_process_types"`
	}
	ts.Check(yaml.Unmarshal(text, &release))
	line, ok := release.Types[args[1]]
	if !ok {
		ts.Fatalf("no process type %s in\n%s", args[1], text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(line), 0o600))
}
