package download

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Integrity is the checksum that a file must have.
type Integrity struct {
	// Algorithm is sha512, sha384, sha256 or, for packages from before 2017
	// that have nothing better, sha1.
	Algorithm string
	Sum       []byte
}

// algorithms are the known ones, strongest first.
var algorithms = []struct {
	name string
	size int
	make func() hash.Hash
}{
	{"sha512", sha512.Size, sha512.New},
	{"sha384", sha512.Size384, sha512.New384},
	{"sha256", sha256.Size, sha256.New},
	{"sha1", sha1.Size, sha1.New},
}

// ParseIntegrity reads integrity metadata as HTML and npm write it: hashes as
// <algorithm>-<base64>, with blanks between them (W3C Subresource Integrity).
// The strongest of the known algorithms counts.
func ParseIntegrity(text string) (Integrity, error) {
	for _, algorithm := range algorithms {
		for field := range strings.FieldsSeq(text) {
			encoded, found := strings.CutPrefix(field, algorithm.name+"-")
			if !found {
				continue
			}
			encoded, _, _ = strings.Cut(encoded, "?")
			sum, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || len(sum) != algorithm.size {
				return Integrity{}, fmt.Errorf("%q is not a %s checksum", field, algorithm.name)
			}
			return Integrity{Algorithm: algorithm.name, Sum: sum}, nil
		}
	}
	return Integrity{}, fmt.Errorf("%q holds no checksum that is known (sha512, sha384, sha256, sha1)", text)
}

// ParseSHA1 reads a sha1 in hexadecimal, npm's old "shasum".
func ParseSHA1(text string) (Integrity, error) {
	sum, err := hex.DecodeString(text)
	if err != nil || len(sum) != sha1.Size {
		return Integrity{}, fmt.Errorf("%q is not a sha1 checksum", text)
	}
	return Integrity{Algorithm: "sha1", Sum: sum}, nil
}

// String is the form that ParseIntegrity reads.
func (i Integrity) String() string {
	return i.Algorithm + "-" + base64.StdEncoding.EncodeToString(i.Sum)
}

// Hash starts the computation of such a checksum. It is nil when the algorithm
// is not known, as in the zero Integrity.
func (i Integrity) Hash() hash.Hash {
	for _, algorithm := range algorithms {
		if algorithm.name == i.Algorithm {
			return algorithm.make()
		}
	}
	return nil
}

// Check returns an *IntegrityError when a computed sum is another one.
func (i Integrity) Check(subject string, h hash.Hash) error {
	if got := h.Sum(nil); !bytes.Equal(got, i.Sum) {
		return &IntegrityError{Subject: subject, Want: i, Got: Integrity{Algorithm: i.Algorithm, Sum: got}}
	}
	return nil
}

// IntegrityError says that a file is not what its checksum promised.
type IntegrityError struct {
	// Subject names the file: a package with its version.
	Subject   string
	Want, Got Integrity
}

func (e *IntegrityError) Error() string {
	return fmt.Sprintf("%s does not have the checksum that it should have\n"+
		"expected: %s\n"+
		"got:      %s", e.Subject, e.Want, e.Got)
}
