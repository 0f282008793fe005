package stack

import "io/fs"

// Attributes are what the files of a root filesystem have in an image and the
// disk of an ordinary user cannot hold: owners other than root, and the
// set-user-id, set-group-id and sticky bits. Keys are paths below the root
// without a slash at the start. What has no entry belongs to root and has the
// permissions that it has on disk.
type Attributes map[string]Attribute

// Attribute is that of one file or directory.
type Attribute struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
	// Mode is the permissions and special bits, with no type.
	Mode fs.FileMode `json:"mode"`
}
