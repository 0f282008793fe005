package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slugc/slugc/stack/launch"
)

// dependencyFile names the buildpacks that go with a composite.
const dependencyFile = "package.toml"

// maxTOML bounds a package.toml, in bytes.
const maxTOML = 1 << 20

// dependencies fetches what the package.toml beside a composite names (CNB
// Distribution API, "package.toml"). Without the file the members have to come
// from elsewhere: from other references, or from the builtin buildpacks.
func (f Fetcher) dependencies(ctx context.Context, p *Package, t trail) error {
	uris, err := dependenciesOf(t.base)
	if err != nil {
		return err
	}
	for _, uri := range uris {
		other, err := f.fetch(ctx, uri, t)
		if err != nil {
			return fmt.Errorf("its %s: %w", dependencyFile, err)
		}
		if other.Classic != nil {
			return fmt.Errorf("its %s: %s is a classic buildpack, which no order can name; make a CNB of it: slugc buildpack package --classic", dependencyFile, other.Ref)
		}
		p.join(other)
	}
	return nil
}

// dependenciesOf reads the references in the package.toml of a directory.
func dependenciesOf(dir string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.Open(dependencyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no file", dependencyFile), err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxTOML+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxTOML {
		return nil, fmt.Errorf("%s is larger than %d KiB", dependencyFile, maxTOML>>10)
	}
	return parseDependencies(data)
}

// parseDependencies reads a package.toml.
func parseDependencies(data []byte) ([]string, error) {
	var doc struct {
		Dependencies []struct {
			URI string `toml:"uri"`
			// Image is what uri was before it could be anything else.
			Image string `toml:"image"`
		} `toml:"dependencies"`
	}
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", dependencyFile, err)
	}
	var uris []string
	for i, d := range doc.Dependencies {
		switch {
		case d.URI != "":
			uris = append(uris, d.URI)
		case d.Image != "":
			uris = append(uris, "docker://"+d.Image)
		default:
			return nil, fmt.Errorf(`%s: dependency %d names nothing; expected uri = "..."`, dependencyFile, i+1)
		}
	}
	return uris, nil
}
