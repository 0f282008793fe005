package maven

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/slugc/slugc/stack/download"
)

const (
	// maxChecksum bounds the file of a checksum, in bytes.
	maxChecksum = 4 << 10
	// maxArtifact bounds an artifact, in bytes. Maven has 9 MB.
	maxArtifact = 1 << 30
)

// Repository downloads from a Maven repository.
type Repository struct {
	Address Address
	Fetcher *download.Fetcher
}

// Artifact is a file of a repository (Maven, "POM Reference", "Maven
// Coordinates").
type Artifact struct {
	Group, Name, Version string
	// Classifier may be empty. Extension is that of the file.
	Classifier, Extension string
}

// String is the artifact for people, as Maven writes coordinates.
func (a Artifact) String() string { return a.Group + ":" + a.Name + ":" + a.Version }

// Path is where it lies in a repository.
func (a Artifact) Path() string {
	file := a.Name + "-" + a.Version
	if a.Classifier != "" {
		file += "-" + a.Classifier
	}
	return path.Join(strings.ReplaceAll(a.Group, ".", "/"), a.Name, a.Version, file+"."+a.Extension)
}

// MissingError says that a repository does not have an artifact.
type MissingError struct {
	Artifact Artifact
	// Where is the repository, with where its address stands.
	Where string
	Err   error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s does not have %s: %v", e.Where, e.Artifact, e.Err)
}

// Unwrap returns the repository's answer.
func (e *MissingError) Unwrap() error { return e.Err }

// Integrity is the strongest checksum that the repository has for an artifact.
func (r Repository) Integrity(ctx context.Context, a Artifact) (download.Integrity, error) {
	for _, kind := range []struct {
		name string
		size int
	}{{"sha512", 64}, {"sha256", 32}, {"sha1", 20}} {
		data, err := r.Fetcher.Document(ctx, r.request(a.Path()+"."+kind.name, maxChecksum, nil))
		if download.NotFound(err) {
			continue
		}
		if err != nil {
			return download.Integrity{}, r.explain(a, err)
		}
		// Some files have the name of what they are for behind the digits.
		digits, _, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
		sum, err := hex.DecodeString(digits)
		if err != nil || len(sum) != kind.size {
			return download.Integrity{}, &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has no checksum in %s.%s", r.Address, a.Path(), kind.name)}
		}
		return download.Integrity{Algorithm: kind.name, Sum: sum}, nil
	}
	return download.Integrity{}, &download.Error{Fault: download.Registry,
		Err: &MissingError{Artifact: a, Where: r.Address.String(), Err: errors.New("it has no checksum for it either")}}
}

// Save downloads an artifact and verifies it, against the checksum of the
// repository and against a SHA-256 in hexadecimal digits unless that is empty.
// What was written when it fails is of no use.
func (r Repository) Save(ctx context.Context, a Artifact, stated string, integrity download.Integrity, to *os.File, progress func(done, total int64)) error {
	also := sha256.New()
	err := r.Fetcher.Save(ctx, download.Archive{
		Subject: a.String(), Request: r.request(a.Path(), maxArtifact, progress), Integrity: integrity,
	}, io.MultiWriter(to, also))
	if err != nil {
		return r.explain(a, err)
	}
	return Stated(a.String(), stated, also.Sum(nil))
}

// Stated is an error when a file does not have the SHA-256 that a wrapper states
// for it; an empty one states nothing.
func Stated(subject, stated string, sum []byte) error {
	if stated == "" || strings.EqualFold(stated, hex.EncodeToString(sum)) {
		return nil
	}
	return &download.Error{Fault: download.App, Err: fmt.Errorf("%s does not have the checksum that the wrapper's distributionSha256Sum states\nexpected: %s\ngot:      %s",
		subject, strings.ToLower(stated), hex.EncodeToString(sum))}
}

func (r Repository) request(name string, limit int64, progress func(done, total int64)) download.Request {
	return download.Request{URL: r.Address.URL.String() + name, Header: r.Address.header, Limit: limit, Progress: progress}
}

// explain says what to do when the repository does not answer as it should.
func (r Repository) explain(a Artifact, err error) error {
	var status *download.StatusError
	switch {
	case download.NotFound(err):
		return &download.Error{Fault: download.App, Err: &MissingError{Artifact: a, Where: r.Address.String(), Err: err}}
	case errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden):
		return &download.Error{Fault: download.App, Err: fmt.Errorf("%s wants credentials, or refuses those that it got: %w\n"+
			"name them in a settings.xml, in a <server> with the id of the mirror", r.Address, err)}
	case download.FaultOf(err) == download.Passing:
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("%s does not answer as it should: %w\n"+
			"try again later, or name another one:\n  export MVNW_REPOURL=https://HOST/PATH", r.Address, err)}
	case download.FaultOf(err) != "":
		return err
	}
	return fmt.Errorf("asking %s: %w", r.Address, err)
}
