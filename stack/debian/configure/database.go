package configure

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/debian/deb"
)

// Places of dpkg's database.
const (
	dpkgDir   = "var/lib/dpkg"
	statusDir = dpkgDir + "/status.d"
	infoDir   = dpkgDir + "/info"
)

// database writes which packages there are. A root with dpkg gets dpkg's own
// database, so that dpkg and apt work in it; any other gets one file per
// package in status.d. It is never both: scanners would count twice.
func (s system) database() error {
	packages := slices.Clone(s.unpacked)
	slices.SortFunc(packages, func(a, b deb.Unpacked) int { return strings.Compare(a.Package, b.Package) })
	for i, p := range packages {
		if !packageName(p.Package) {
			return fmt.Errorf("the package name %q is no name of a file", p.Package)
		}
		if i > 0 && packages[i-1].Package == p.Package {
			return fmt.Errorf("the package %s is there twice", p.Package)
		}
	}
	if s.packages["dpkg"] {
		return s.dpkg(packages)
	}
	for _, p := range packages {
		if err := s.write(statusDir+"/"+p.Package, []byte(stanza(p)), 0o644); err != nil {
			return err
		}
		if len(p.MD5Sums) == 0 {
			continue
		}
		if err := s.write(statusDir+"/"+p.Package+".md5sums", p.MD5Sums, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// packageName tells whether a name can be that of a file beside others.
func packageName(name string) bool {
	return name != "" && name[0] != '.' && !strings.ContainsAny(name, "/\n")
}

// stanza is what a package says about itself.
func stanza(p deb.Unpacked) string { return strings.TrimRight(p.Control.Text(), "\n") + "\n" }

// dpkg writes the database as dpkg has it once all packages are configured.
func (s system) dpkg(packages []deb.Unpacked) error {
	var status strings.Builder
	for _, p := range packages {
		first, rest, _ := strings.Cut(stanza(p), "\n")
		fmt.Fprintf(&status, "%s\nStatus: install ok installed\n%s\n", first, rest)
		if err := s.info(p); err != nil {
			return err
		}
	}
	for _, dir := range []string{"parts", "triggers", "updates"} {
		if err := s.directory(dpkgDir+"/"+dir, 0o755); err != nil {
			return err
		}
	}
	for _, file := range []struct{ name, text string }{
		{dpkgDir + "/status", status.String()},
		{dpkgDir + "/available", ""},
		{dpkgDir + "/diversions", ""},
		{dpkgDir + "/statoverride", ""},
		{infoDir + "/format", "1\n"},
	} {
		if err := s.write(file.name, []byte(file.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// info writes the checksums and the list of the files of a package. The list
// has the files with a checksum and the directories above them, which is what
// removing or replacing the package needs.
func (s system) info(p deb.Unpacked) error {
	name := p.Package
	if p.Control.Get("Multi-Arch") == "same" {
		name += ":" + p.Control.Get("Architecture")
	}
	files := map[string]bool{"/.": true}
	for line := range strings.Lines(string(p.MD5Sums)) {
		_, file, found := strings.Cut(strings.TrimRight(line, "\n"), "  ")
		if !found || file == "" {
			continue
		}
		for at := path.Clean("/" + file); at != "/"; at = path.Dir(at) {
			files[at] = true
		}
	}
	sorted := make([]string, 0, len(files))
	for file := range files {
		sorted = append(sorted, file)
	}
	slices.Sort(sorted)
	list := strings.Join(sorted, "\n") + "\n"
	if err := s.write(infoDir+"/"+name+".list", []byte(list), 0o644); err != nil {
		return err
	}
	if len(p.MD5Sums) == 0 {
		return nil
	}
	return s.write(infoDir+"/"+name+".md5sums", p.MD5Sums, 0o644)
}
