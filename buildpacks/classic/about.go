package classic

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/slugc/slugc/stack/launch"
)

// aboutFile is what Heroku's registry of classic buildpacks reads.
const aboutFile = "buildpack.toml"

// about is what a buildpack.toml of a classic buildpack says. One of a CNB has
// an api.
type about struct {
	API       string `toml:"api"`
	Buildpack struct {
		Name string `toml:"name"`
	} `toml:"buildpack"`
}

// maxAbout bounds a buildpack.toml, in bytes.
const maxAbout = 1 << 20

// readAbout reads the buildpack.toml of a buildpack, which need not have one.
func readAbout(root *os.Root) (a about, err error) {
	f, err := root.OpenFile(aboutFile, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return a, errors.Join(err, errors.New("expected a regular file"))
	}
	data, err := io.ReadAll(io.LimitReader(f, maxAbout+1))
	if err != nil {
		return a, err
	}
	if len(data) > maxAbout {
		return a, fmt.Errorf("is larger than %d KiB", maxAbout>>10)
	}
	return a, launch.DecodeTOML(data, &a)
}
