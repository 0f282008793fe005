package release

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks/procfile"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/stack/launch"
)

// OfferSlug reads what a release needs to know of the slug in a file.
func OfferSlug(ctx context.Context, file string) (Offer, error) {
	d, err := slug.Describe(ctx, file, slug.Limits{})
	if err != nil {
		return Offer{}, err
	}
	types := typesOf(d.Processes)
	if len(types) == 0 && d.Procfile != "" {
		parsed, _, err := procfile.Parse(strings.NewReader(d.Procfile))
		if err != nil {
			return Offer{}, &slug.FileError{File: file, Err: fmt.Errorf("its Procfile: %w", err)}
		}
		for _, p := range parsed {
			types[p.Type] = p.Command
		}
	}
	appJSON := d.AppJSON
	if d.Directory != "" {
		// Only now it is known where the app is in its slug.
		name := path.Join(d.Directory, project.AppJSONFile)
		contents, err := slug.Inspect(ctx, file, slug.Limits{}, name)
		if err != nil {
			return Offer{}, err
		}
		appJSON = string(contents.Files[name])
	}
	o := Offer{Artifact: Artifact{Kind: SlugKind, Digest: d.Digest, Size: d.Size, Stack: d.Stack, ProcessTypes: types}}
	if appJSON != "" {
		wants, err := project.ParseWants(appJSON)
		if err != nil {
			return Offer{}, &slug.FileError{File: file, Err: fmt.Errorf("its %s: %w", project.AppJSONFile, err)}
		}
		o.Needs = Needs{Variables: wants.Variables, Addons: wants.Addons}
	}
	return o.With(nil), nil
}

// OfferImage is OfferSlug of an image, which is found by a reference.
func OfferImage(reference string, d oci.Description) Offer {
	o := Offer{Artifact: Artifact{
		Kind: ImageKind, Digest: d.Digest, Reference: reference, Size: d.Size, ProcessTypes: typesOf(d.Processes),
	}}
	// One that no buildpacks made starts with what its author says.
	if command := slices.Concat(d.Entrypoint, d.Cmd); len(d.Processes) == 0 && len(command) > 0 {
		o.Artifact.ProcessTypes["web"] = Quote(command...)
	}
	return o.With(nil)
}

// With is an offer with what the record of its build says beside; nil says nothing.
func (o Offer) With(record *Record) Offer {
	if record != nil {
		o.Artifact.Commit = record.Source.Commit
		o.Needs.Addons = slices.Concat(o.Needs.Addons, record.Addons)
	}
	names := []string{}
	for _, addon := range o.Needs.Addons {
		if name := addonName(addon); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	o.Needs.Addons, o.Artifact.Addons = names, names
	return o
}

// Without is an offer that does without some add-ons.
func (o Offer) Without(addons []string) Offer {
	o.Needs.Addons = slices.DeleteFunc(slices.Clone(o.Needs.Addons), func(name string) bool { return slices.Contains(addons, name) })
	return o
}

// Of says whether a record is that of an artifact.
func (r Record) Of(digest string) bool {
	for _, a := range r.Artifacts {
		if a.Digest == digest {
			return true
		}
	}
	return false
}

func typesOf(processes []launch.Process) map[string]string {
	types := map[string]string{}
	for _, p := range processes {
		types[p.Type] = Line(p)
	}
	return types
}
