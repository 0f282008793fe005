package debian_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

// A lock tells people and scanners what is in a root filesystem, so that what it
// says of a .deb has to be what the .deb says of itself.
func TestMakeRefusesPackagesUnderOtherNames(t *testing.T) {
	archive := debiantest.New(t, debiantest.Package{Name: "bash", Version: "5.2"})
	maker := debian.Maker{Repository: archive.Repository(t)}
	d, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*control.Package){
		"is bash_5.2_amd64; expected dash_5.2_amd64": func(p *control.Package) { p.Name = "dash" },
		"is bash_5.2_amd64; expected bash_5.3_amd64": func(p *control.Package) { p.Version = "5.3" },
		"is bash_5.2_amd64; expected bash_5.2_arm64": func(p *control.Package) { p.Architecture = "arm64" },
	} {
		p := archive.Package(t, "bash")
		change(&p)
		dir := filepath.Join(t.TempDir(), "root")
		_, err := maker.Make(t.Context(), d, stack.Run, debian.LockedImage{Arch: p.Architecture, Packages: []control.Package{p}}, dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := os.Lstat(dir); !os.IsNotExist(err) {
			t.Errorf("there is a half root filesystem: %v", err)
		}
	}
}
