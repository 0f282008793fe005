package runtime

import "github.com/slugc/slugc/stack/debian/control"

// Keep ends a build's use of its cache: it writes what registries answered, and
// removes the Debian packages that none of the releases is made of. The
// releases are all that the build used, also those that it found installed.
func (r *Resolver) Keep(used ...Release) error {
	if r.Answers != nil {
		if err := r.Answers.Save(); err != nil {
			return err
		}
	}
	if r.Debian == nil {
		return nil
	}
	var packages []control.Package
	for _, release := range used {
		packages = append(packages, release.Packages...)
	}
	return r.Debian.Repository.Keep(packages)
}
