package deploy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/detect"
)

// System is what an operator has before and behind every group, and the file
// that says so. The zero value is nothing.
type System struct {
	cnb.System
	// File is where it is from; "./" and "../" in it start there.
	File string
}

// system finds the buildpacks of the operator.
func (c chooser) system(ctx context.Context) (around detect.System, err error) {
	if around.Pre, err = c.systemGroup(ctx, c.deploy.System.Pre); err != nil {
		return around, err
	}
	around.Post, err = c.systemGroup(ctx, c.deploy.System.Post)
	return around, err
}

func (c chooser) systemGroup(ctx context.Context, all []cnb.SystemBuildpack) (buildpacks.Group, error) {
	var group buildpacks.Group
	for _, b := range all {
		m, err := c.systemBuildpack(ctx, b)
		if err != nil {
			return nil, err
		}
		m.Optional = b.Optional
		group = append(group, m)
	}
	return group, nil
}

// systemBuildpack is a builtin buildpack by its id, or what a reference leads
// to.
func (c chooser) systemBuildpack(ctx context.Context, b cnb.SystemBuildpack) (buildpacks.Member, error) {
	wanted := buildpacks.Descriptor{ID: b.ID, Version: b.Version}
	ref, file := b.URI, c.deploy.System.File
	if strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") {
		ref = filepath.Join(filepath.Dir(file), ref)
	}
	if ref == "" {
		known := c.library[b.ID]
		if known == nil || b.Version != "" && b.Version != known.Descriptor().Version {
			return buildpacks.Member{}, &fetch.RefError{Ref: wanted.String(), Err: errors.New(
				file + " names it by id, and no builtin buildpack is that; add its uri")}
		}
		return c.add(known), nil
	}
	m, err := c.reference(ctx, ref)
	if err != nil {
		return m, err
	}
	if b.ID != "" && b.ID != m.ID || b.Version != "" && b.Version != m.Version {
		return m, &fetch.RefError{Ref: ref, Err: fmt.Errorf("it is %s; %s expects %s", buildpacks.Descriptor{ID: m.ID, Version: m.Version}, file, wanted)}
	}
	return m, nil
}

// surround puts the buildpacks of the operator around a group, and says so.
func (d Deploy) surround(group buildpacks.Group, around detect.System) buildpacks.Group {
	added := around.For(group)
	if n := len(added.Pre); n > 0 {
		d.Voice.Detailf("Prepending %d system buildpack(s) to group", n)
	}
	if n := len(added.Post); n > 0 {
		d.Voice.Detailf("Appending %d system buildpack(s) to group", n)
	}
	return around.Around(group)
}
