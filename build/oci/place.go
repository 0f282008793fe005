package oci

import (
	"cmp"
	"fmt"
	"strings"
)

// Place is where an image was found.
type Place struct {
	// Tag is the tag of the image, or of its index, in a layout, if it has one
	// there.
	Tag string
	// Index says that the image is one of an index, the others being for other
	// platforms.
	Index bool
	// Others is how many more images and indexes the layout has.
	Others int
}

// InPlace is the destination that replaces an image where it was found, by the
// reference with which it was opened. It fails where other images would go
// with the old one.
func (b Base) InPlace(ref string, access Access) (Destination, error) {
	if strings.HasPrefix(ref, "docker://") && strings.Contains(ref, "@") {
		return nil, fmt.Errorf("%s is a digest, which names one image for ever: name another place for the next", ref)
	}
	destination, err := ParseDest(ref, access)
	if err != nil {
		return nil, err
	}
	if b.Place.Index {
		return nil, fmt.Errorf("%s is an index, and its images for other platforms would be lost: name another place for the image for %s", ref, b.Target)
	}
	switch d := destination.(type) {
	case Layout:
		d.Tag = cmp.Or(d.Tag, b.Place.Tag)
		return d, nil
	case Archive:
		if b.Place.Others > 0 {
			return nil, fmt.Errorf("%s has %d images, and an archive that is written anew has one: name another place", ref, b.Place.Others+1)
		}
		d.Tag = cmp.Or(d.Tag, b.Place.Tag)
		return d, nil
	}
	return destination, nil
}

// InIndex is the destination that replaces an image where it was found, by the
// reference with which it was opened, and keeps those for other platforms.
func (b Base) InIndex(ref string, access Access) (Destination, error) {
	if strings.HasPrefix(ref, "docker://") && strings.Contains(ref, "@") {
		return nil, fmt.Errorf("%s is a digest, which names one image for ever: name another place for the next", ref)
	}
	destination, err := ParseDest(ref, access)
	switch d := destination.(type) {
	case Layout:
		d.Tag = cmp.Or(d.Tag, b.Place.Tag)
		destination = d
	case Archive:
		d.Tag = cmp.Or(d.Tag, b.Place.Tag)
		destination = d
	}
	return Joined{To: destination}, err
}
