package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

// ParseFlatten reads buildpacks that are to share a layer: ID@VERSION, separated
// by commas.
func ParseFlatten(text string) ([]buildpacks.Member, error) {
	var group []buildpacks.Member
	for word := range strings.SplitSeq(text, ",") {
		id, version, _ := strings.Cut(strings.TrimSpace(word), "@")
		if id == "" || version == "" || strings.Contains(version, "@") {
			return nil, fmt.Errorf("%.100q: expected ID@VERSION,ID@VERSION", text)
		}
		group = append(group, buildpacks.Member{ID: id, Version: version})
	}
	return group, nil
}

// shared is buildpacks that share a layer, in the order in which they are in it.
type shared []module

// has makes sure that what is to share a layer is there.
func (m members) has(groups [][]buildpacks.Member) error {
	for _, group := range groups {
		for _, named := range group {
			if !slices.ContainsFunc(slices.Concat(m.buildpacks, m.extensions), func(o module) bool { return o.member() == named }) {
				return fmt.Errorf("%s is to share a layer, and it is not among the buildpacks of the builder", name(named))
			}
		}
	}
	return nil
}

// flattened splits buildpacks into those that share layers and the others.
func flattened(groups [][]buildpacks.Member, modules []module) (together []shared, alone []module) {
	together = make([]shared, len(groups))
	placed := map[buildpacks.Member]bool{}
	for _, m := range modules {
		at := slices.IndexFunc(groups, func(g []buildpacks.Member) bool { return slices.Contains(g, m.member()) })
		if at < 0 {
			alone = append(alone, m)
			continue
		}
		if !placed[m.member()] {
			together[at], placed[m.member()] = append(together[at], m), true
		}
	}
	together = slices.DeleteFunc(together, func(s shared) bool { return len(s) == 0 })
	slices.SortFunc(together, func(a, b shared) int { return strings.Compare(a.first(), b.first()) })
	return together, alone
}

// first is the first name in the layer, by which layers are ordered.
func (s shared) first() string {
	return slices.MinFunc(s, func(a, b module) int { return strings.Compare(name(a.member()), name(b.member())) }).String()
}

// flatten packs buildpacks into one layer.
func (p Packager) flatten(ctx context.Context, together shared) (artifact.Segment, error) {
	var jobs []pack.Job
	above := map[string]bool{}
	for _, m := range together {
		job, err := p.job(ctx, m)
		if err != nil {
			return artifact.Segment{}, err
		}
		shape := &job.Shapes[0]
		shape.Name, shape.Trailer = "flattened buildpack", false
		if above[m.above()] {
			shape.Parents = shape.Parents[1:]
		}
		above[m.above()] = true
		jobs = append(jobs, job)
	}
	parts, err := p.packer().Pack(ctx, jobs)
	if err != nil {
		return artifact.Segment{}, err
	}
	var names []string
	for _, m := range together {
		names = append(names, m.String())
	}
	return layerFile(p.Temp, strings.Join(names, ", "), func(w io.Writer) error {
		for _, part := range parts {
			if err := copyRaw(w, part[0].File); err != nil {
				return err
			}
		}
		// What ends an archive (POSIX.1, pax, "ustar Interchange Format").
		_, err := w.Write(make([]byte, 1024))
		return err
	})
}

// copyRaw writes what a file of gzip members holds.
func copyRaw(w io.Writer, file string) (err error) {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	raw, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	// The reader checks the sums of the members that were just written.
	_, err = io.Copy(w, raw)
	return errors.Join(err, raw.Close())
}
