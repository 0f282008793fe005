package builder

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack/launch"
)

// License is a license of a buildpack: its SPDX identifier, or where its text
// is.
type License struct {
	Type string `json:"type,omitempty"`
	URI  string `json:"uri,omitempty"`
}

// module is a buildpack on disk, with all that a package says about it.
type module struct {
	buildpacks.Descriptor
	dir string
	// order is that of a composite.
	order       buildpacks.Order
	description string
	keywords    []string
	licenses    []License
	clearEnv    bool
	stacks      []stackRef
	// extension says that it is an image extension, and no buildpack.
	extension bool
	// declared are the targets that the file names: Descriptor.Targets has
	// those too that follow from something else.
	declared []buildpacks.Target
}

// stackRef is a stack that a buildpack was written for (CNB Buildpack API
// before 0.10, "stacks").
type stackRef struct {
	ID     string   `toml:"id" json:"id"`
	Mixins []string `toml:"mixins" json:"mixins,omitempty"`
}

// moduleDoc is what a package says of a buildpack and nobody else asks for (CNB
// Buildpack API, "buildpack.toml").
type moduleDoc struct {
	Buildpack struct {
		Description string
		Keywords    []string
		ClearEnv    bool `toml:"clear-env"`
		Licenses    []struct{ Type, URI string }
	}
	Stacks  []stackRef
	Targets []map[string]any
}

// readModule reads the buildpack in a directory.
func readModule(dir string) (module, error) {
	m := module{dir: dir}
	composite, is, err := cnb.ReadComposite(dir)
	if err != nil {
		return module{}, err
	}
	if is {
		m.Descriptor, m.order = composite.Descriptor, composite.Order
	} else {
		b, err := cnb.Open(dir)
		if err != nil {
			return module{}, err
		}
		m.Descriptor = b.Descriptor()
	}
	file := filepath.Join(dir, descriptorFile)
	data, err := readSmall(file)
	if err != nil {
		return module{}, err
	}
	if err := m.parse(data); err != nil {
		return module{}, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// descriptorFile is the file that makes a directory a buildpack.
const descriptorFile = "buildpack.toml"

// parse reads the rest of a buildpack.toml.
func (m *module) parse(data []byte) error {
	var doc moduleDoc
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return err
	}
	m.description, m.keywords, m.clearEnv = doc.Buildpack.Description, doc.Buildpack.Keywords, doc.Buildpack.ClearEnv
	for _, l := range doc.Buildpack.Licenses {
		m.licenses = append(m.licenses, License{Type: l.Type, URI: l.URI})
	}
	m.stacks = doc.Stacks
	if len(doc.Targets) > 0 {
		m.declared = m.Targets
	}
	return nil
}

// composite is whether the buildpack is an order of others.
func (m module) composite() bool { return len(m.order) > 0 }

// member is the buildpack as orders name it.
func (m module) member() buildpacks.Member {
	return buildpacks.Member{ID: m.ID, Version: m.Version}
}

// at is where the buildpack lies in an image (CNB Distribution API, "Layer
// Blobs").
func (m module) at() string { return path.Join(m.above(), m.Version) }

// above is the directory of all versions of the buildpack.
func (m module) above() string {
	if m.extension {
		return path.Join(extensionShelf, launch.EscapeID(m.ID))
	}
	return path.Join(shelf, launch.EscapeID(m.ID))
}

// shelf is the directory of all buildpacks.
const shelf = "/cnb/buildpacks"

// check says what keeps a buildpack out of a package.
func (m module) check() error {
	if m.composite() && (len(m.declared) > 0 || len(m.stacks) > 0) {
		return fmt.Errorf("%s is an order of others, which have targets themselves: take [[targets]] and [[stacks]] out of its buildpack.toml; those of the package are in package.toml", m.Descriptor)
	}
	for _, group := range m.order {
		for _, member := range group {
			if member.Version == "" {
				return fmt.Errorf("the order of %s names %s without a version; a package has exact ones: write version = \"X.Y.Z\"", m.Descriptor, member.ID)
			}
		}
	}
	return nil
}

// name is a member as id@version.
func name(m buildpacks.Member) string {
	return strings.TrimSuffix(m.ID+"@"+m.Version, "@")
}
