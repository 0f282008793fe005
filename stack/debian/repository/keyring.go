package repository

import (
	"bytes"
	_ "embed"
	"fmt"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// archiveKeyring is the file of that name in Debian's package
// debian-archive-keyring; doc.go says how it is renewed.
//
//go:embed debian-archive-keyring.gpg
var archiveKeyring []byte

// keys reads the keyring. Each caller gets keys of its own, because verifying
// with them writes to them.
func (r Repository) keys() (openpgp.EntityList, error) {
	data, of := r.Keyring, "the given keyring"
	if data == nil {
		data, of = archiveKeyring, "Debian's keyring"
	}
	keys, err := openpgp.ReadKeyRing(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w; expected public keys in OpenPGP's binary form", of, err)
	}
	return keys, nil
}
