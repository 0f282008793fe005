package cnb

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks"
)

// groupDoc is one group of an order.
type groupDoc struct {
	Group []struct {
		ID       string `toml:"id"`
		Version  string `toml:"version"`
		Optional bool   `toml:"optional"`
		ExecEnvs names  `toml:"exec-env"`
	} `toml:"group"`
}

// ReadComposite reads the composite buildpack in a directory: a buildpack.toml
// with [[order]] (CNB Buildpack API, "buildpack.toml"). Is tells it from a
// component buildpack, which Open opens.
func ReadComposite(dir string) (c buildpacks.Composite, is bool, err error) {
	doc, d, err := readDescriptor(dir)
	if err != nil || len(doc.Order) == 0 {
		return buildpacks.Composite{}, false, err
	}
	o, err := order(doc.Order)
	if err != nil {
		return buildpacks.Composite{}, false, fmt.Errorf("%s: %w", filepath.Join(dir, "buildpack.toml"), err)
	}
	return buildpacks.Composite{Descriptor: d, Order: o}, true, nil
}

// ParseOrder reads an order.toml (CNB Platform API, "order.toml"), with the order
// of image extensions in it.
func ParseOrder(file string) (order, extensions buildpacks.Order, err error) {
	data, err := read(file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if order, extensions, err = parseOrder(data); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return order, extensions, nil
}

// ErrNoOrder says that an order.toml has no groups.
var ErrNoOrder = errors.New("no order; expected [[order]] with [[order.group]]")

func parseOrder(data []byte) (of, extensions buildpacks.Order, err error) {
	var doc struct {
		Order      []groupDoc `toml:"order"`
		Extensions []groupDoc `toml:"order-extensions"`
	}
	if err := decodeTOML(data, &doc); err != nil {
		return nil, nil, err
	}
	if extensions, err = order(doc.Extensions); err != nil {
		return nil, nil, err
	}
	for _, group := range extensions {
		for i := range group {
			group[i].Extension, group[i].Optional = true, true
		}
	}
	if len(doc.Order) == 0 {
		return nil, extensions, ErrNoOrder
	}
	of, err = order(doc.Order)
	return of, extensions, err
}

// order checks the groups of a file.
func order(groups []groupDoc) (buildpacks.Order, error) {
	order := make(buildpacks.Order, len(groups))
	for i, group := range groups {
		for _, m := range group.Group {
			if err := checkID(m.ID); err != nil {
				return nil, fmt.Errorf("group %d of the order: %w", i+1, err)
			}
			if m.Version != "" {
				if err := checkVersion(m.Version); err != nil {
					return nil, fmt.Errorf("group %d of the order: %s: %w", i+1, m.ID, err)
				}
			}
			order[i] = append(order[i], buildpacks.Member{
				ID: m.ID, Version: m.Version, Optional: m.Optional, ExecEnvs: buildpacks.NewExecEnvs(m.ExecEnvs),
			})
		}
	}
	return order, nil
}

// System is a system.toml: the buildpacks before and behind every group.
type System struct{ Pre, Post []SystemBuildpack }

// SystemBuildpack is a buildpack of a system.toml.
type SystemBuildpack struct {
	ID      string `toml:"id"`
	Version string `toml:"version"`
	// URI is a reference to it, which the specification does not know: there
	// a builder has the buildpack. ID and Version may be empty then.
	URI string `toml:"uri"`
	// Optional lets a group do without it, as RFC 0130 has it and pack writes
	// it; the reference lifecycle does not look at it.
	Optional bool `toml:"optional"`
}

// ParseSystem reads a system.toml (CNB Platform API 0.15, "system.toml").
func ParseSystem(file string) (System, error) {
	data, err := read(file)
	if err != nil {
		return System{}, fmt.Errorf("reading %s: %w", file, err)
	}
	s, err := parseSystem(data)
	if err != nil {
		return System{}, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

func parseSystem(data []byte) (System, error) {
	type list struct {
		Buildpacks []SystemBuildpack `toml:"buildpacks"`
	}
	var doc struct {
		System struct {
			Pre  list `toml:"pre"`
			Post list `toml:"post"`
		} `toml:"system"`
	}
	if err := decodeTOML(data, &doc); err != nil {
		return System{}, err
	}
	s := System{Pre: doc.System.Pre.Buildpacks, Post: doc.System.Post.Buildpacks}
	for _, b := range slices.Concat(s.Pre, s.Post) {
		if b.ID == "" && b.URI == "" {
			return System{}, errors.New("a system buildpack has no id; expected id and version, or a uri")
		}
		if b.ID != "" {
			if err := checkID(b.ID); err != nil {
				return System{}, fmt.Errorf("a system buildpack: %w", err)
			}
		}
		if b.Version != "" {
			if err := checkVersion(b.Version); err != nil {
				return System{}, fmt.Errorf("the system buildpack %s: %w", b.ID, err)
			}
		}
	}
	return s, nil
}
