package golang

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// vendored is what a vendor/modules.txt says: the modules that a go.mod asks
// for, with their versions, and replacements, by "path" or "path version".
type vendored struct {
	versions, replaced map[string]string
	explicit           map[string]bool
	workspace          bool
}

// readVendor reads vendor/modules.txt. There is none in most apps, nor in those
// whose vendor directory another tool made.
func (p project) readVendor() (v vendored, there bool, err error) {
	dir := filepath.Join(p.dir, p.workDir)
	if there, err = appfile.Exists(dir, vendorList); err != nil || !there {
		return vendored{}, false, err
	}
	data, err := appfile.Read(dir, vendorList)
	if err != nil {
		return vendored{}, false, err
	}
	return parseVendor(data), true, nil
}

// parseVendor reads the lines of a vendor/modules.txt (Go Modules Reference,
// "Vendoring"): "# path version [=> path [version]]", and marks below them.
func parseVendor(data []byte) vendored {
	v := vendored{versions: map[string]string{}, replaced: map[string]string{}, explicit: map[string]bool{}}
	last := ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		text := lines.Text()
		if marks, is := strings.CutPrefix(text, "## "); is {
			for mark := range strings.SplitSeq(marks, ";") {
				switch strings.TrimSpace(mark) {
				case "explicit":
					v.explicit[last] = true
				case "workspace":
					v.workspace = v.workspace || last == ""
				}
			}
			continue
		}
		module, is := strings.CutPrefix(text, "# ")
		if !is {
			continue
		}
		what, by, isReplaced := strings.Cut(module, " => ")
		fields := strings.Fields(what)
		if len(fields) == 0 {
			continue
		}
		last = fields[0]
		if len(fields) > 1 {
			v.versions[last] = fields[1]
		}
		if isReplaced {
			v.replaced[strings.Join(fields, " ")] = strings.Join(strings.Fields(by), " ")
		}
	}
	return v
}

// vendorInStep refuses a vendor directory that is not of this go.mod, as the go
// command does.
func (p project) vendorInStep(v vendored) error {
	var lines []string
	asked := map[string]bool{}
	for _, r := range p.requirements() {
		asked[r.path] = true
		switch has := v.versions[r.path]; {
		case has == "" && v.replaced[r.path] == "" && v.replaced[r.path+" "+r.version] == "":
			lines = append(lines, fmt.Sprintf("%s asks for %s %s, which is not in %s", r.file, r.path, r.version, vendorList))
		case has != "" && has != r.version && len(p.modules) == 1:
			lines = append(lines, fmt.Sprintf("%s asks for %s %s, %s has %s", r.file, r.path, r.version, vendorList, has))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.explicit)) {
		if !asked[name] && !p.isMain(name) {
			lines = append(lines, fmt.Sprintf("%s has %s, which %s does not ask for", vendorList, name, modFile))
		}
	}
	for _, r := range p.replacements() {
		key, by := strings.TrimSpace(r.Old.Path+" "+r.Old.Version), strings.TrimSpace(r.New.Path+" "+r.New.Version)
		has, versioned := v.replaced[key], v.replaced[r.Old.Path+" "+v.versions[r.Old.Path]]
		if p.uses(r.Replace) && has != by && versioned != by {
			lines = append(lines, fmt.Sprintf("%s replaces %s by %s, %s does not", r.name, r.Old.Path, by, vendorList))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	const most = 10
	if extra := len(lines) - most; extra > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", extra))
	}
	return appfile.Error("the vendor directory is out of step with %s\n  %s\n"+
		"the build takes modules from there. Make it again and commit it, or do without it:\n"+
		"  %s\n  git add -f vendor\n  git commit -m \"Update vendor\"\n"+
		"or:\n  git rm -r vendor", p.lockName(), strings.Join(lines, "\n  "), p.vendorCommand())
}

// uses tells whether a replaced module is one that a go.mod asks for.
func (p project) uses(r *modfile.Replace) bool {
	return slices.ContainsFunc(p.requirements(), func(q required) bool {
		return q.path == r.Old.Path && (r.Old.Version == "" || r.Old.Version == q.version)
	})
}

// lockName is the file that says which modules there are.
func (p project) lockName() string {
	if p.work != nil {
		return workFile
	}
	return modFile
}

// vendorCommand makes the vendor directory.
func (p project) vendorCommand() string {
	if p.work != nil {
		return "go work vendor"
	}
	return "go mod vendor"
}
