package rust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// checksumFile is what "cargo vendor" writes into each package.
const checksumFile = ".cargo-checksum.json"

// vendoring is what to type to make the vendor directory again.
func (p project) vendoring() string {
	return "  cargo vendor > /dev/null\n  git add -f vendor .cargo/config.toml\n  git commit -m \"Vendor the packages\""
}

// vendorInStep refuses a directory of packages that does not have what the lock
// file has.
func (p project) vendorInStep(c appConfig) error {
	dir := c.replaced
	if !p.inSource(dir) {
		return appfile.Error(".cargo/config.toml takes packages from %s, which is outside of the source\nput them into the app:\n%s", dir, p.vendoring())
	}
	entries, err := os.ReadDir(p.at(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return appfile.Error(".cargo/config.toml takes packages from %s, which is not there\nmake it and commit it, and see that .gitignore and .slugignore do not list it:\n%s", dir, p.vendoring())
	}
	if err != nil {
		return fmt.Errorf("looking at the vendor directory: %w", err)
	}
	sums := map[string]bool{}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(p.at(dir), entry.Name(), checksumFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking at the vendor directory: %w", err)
		}
		var file struct {
			Package string `json:"package"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			return appfile.Error("%s is not valid JSON: %w\nmake the directory again:\n%s", path.Join(dir, entry.Name(), checksumFile), err, p.vendoring())
		}
		sums[file.Package] = true
	}
	var missing []string
	for _, one := range p.lock.foreign() {
		if one.Checksum != "" && !sums[one.Checksum] {
			missing = append(missing, one.Name+" "+one.Version)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return appfile.Error("the directory %s is out of step with %s\nit does not have %s\nmake it again and commit it:\n%s",
		dir, p.lockPath(), report.Some(missing, 5), p.vendoring())
}

// unusedVendor tells whether there is a vendor directory that no configuration
// names.
func (p project) unusedVendor(c appConfig) bool {
	if c.replaced != "" {
		return false
	}
	found, err := filepath.Glob(filepath.Join(p.at(p.root), "vendor", "*", checksumFile))
	return err == nil && len(found) > 0
}
