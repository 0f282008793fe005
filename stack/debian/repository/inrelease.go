package repository

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
)

// maxRelease bounds an InRelease file. Debian's have 150 kB.
const maxRelease = 16 << 20

// release brings the index of a suite, verified, from the archive or, offline,
// from the cache.
func (r Repository) release(ctx context.Context, base string, suite stack.Suite) (release, error) {
	address, err := within(base, "dists", suite.Name, "InRelease")
	if err != nil {
		return release{}, err
	}
	kept, err := r.keptRelease(base, suite.Name)
	if err != nil {
		return release{}, err
	}
	if r.Offline {
		return r.offlineRelease(address, kept, suite)
	}
	data, err := r.document(ctx, address, maxRelease)
	if notFound(err) {
		return release{}, refuse(fmt.Errorf("the mirror does not have the suite %s: %w", suite.Name, err))
	}
	if err != nil {
		return release{}, fmt.Errorf("reading the index of %s: %w", suite.Name, err)
	}
	now, err := r.asOf()
	if err != nil {
		return release{}, err
	}
	found, err := r.parse(download.Redacted(address), data, suite, now)
	if err != nil {
		return release{}, err
	}
	if err := found.accept(download.Redacted(address), suite.Name, now); err != nil {
		return release{}, err
	}
	if last, newer := r.newer(kept, data, found, suite, now); newer {
		return last, nil
	}
	return found, put(kept, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

// newer is the index of a suite as it was last fetched, if that is newer than
// the one that was fetched now: a mirror that is behind another of its kind, or
// somebody who holds security updates back, answers with an old one, which is
// signed too. A cache that cannot be read knows of none.
func (r Repository) newer(kept string, data []byte, found release, suite stack.Suite, now time.Time) (release, bool) {
	before, err := os.ReadFile(kept)
	if err != nil || bytes.Equal(before, data) {
		return release{}, false
	}
	last, err := r.parse(kept, before, suite, now)
	if err != nil || !last.Date.After(found.Date) || last.accept(kept, suite.Name, now) != nil {
		return release{}, false
	}
	return last, true
}

// asOf is the time at which indexes have to be valid.
func (r Repository) asOf() (time.Time, error) {
	at, err := r.Sources.asOf()
	if at.IsZero() {
		at = r.now()
	}
	return at, err
}

// offlineRelease is the index of a suite as it was last fetched. It may have
// expired since.
func (r Repository) offlineRelease(address, kept string, suite stack.Suite) (release, error) {
	data, err := os.ReadFile(kept)
	if errors.Is(err, os.ErrNotExist) {
		return release{}, &OfflineError{Missing: []string{download.Redacted(address)}, Cache: r.Cache}
	}
	if err != nil {
		return release{}, fmt.Errorf("reading the cache: %w", err)
	}
	found, err := r.parse(kept, data, suite, r.now())
	if download.FaultOf(err) == download.Registry {
		err = fmt.Errorf("the cache is damaged; run this once without --offline: %w", err)
	}
	if err != nil {
		return release{}, err
	}
	// It was accepted when it was fetched.
	return found, found.accept(kept, suite.Name, found.Date)
}

// keptRelease is the file of the cache for the index of a suite. Its name holds
// the suite for people, and a checksum of the address.
func (r Repository) keptRelease(base, suite string) (string, error) {
	dir, err := r.shelf(releaseShelf)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(download.Redacted(base)))
	return filepath.Join(dir, strings.ReplaceAll(suite, "/", "_")+"_"+hex.EncodeToString(sum[:8])), nil
}

// parse verifies an InRelease file and reads it.
func (r Repository) parse(file string, data []byte, suite stack.Suite, now time.Time) (release, error) {
	keys, err := r.keys()
	if err != nil {
		return release{}, err
	}
	text, err := verify(data, keys, now)
	var future *FutureError
	switch {
	case errors.As(err, &future):
		future.File = file
		return release{}, refuse(future)
	case err != nil:
		return release{}, refuse(&SignatureError{File: file, Err: err})
	}
	found, err := parseRelease(text)
	if err != nil {
		return release{}, refuse(fmt.Errorf("reading %s: %w", file, err))
	}
	found.Archive, found.Name = suite.Archive, suite.Name
	return found, nil
}

// Lines of the Cleartext Signature Framework (RFC 9580, section 7).
const (
	beginMessage   = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN PGP SIGNATURE-----"
)

// verify returns the text that is signed in a clear-signed message, when one of
// its signatures is good: made by one of the keys while that was valid, over a
// strong hash, and not later than now, which is a *FutureError without a file.
// Nothing else may be in the message.
func verify(data []byte, keys openpgp.EntityList, now time.Time) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(beginMessage)) {
		return nil, errors.New("it does not begin with a signed text")
	}
	if empty(data) {
		return nil, errors.New("the signed text is empty")
	}
	block, rest := clearsign.Decode(data)
	if block == nil {
		return nil, errors.New("it has no complete signature")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("there is text after the signature")
	}
	config := &packet.Config{Time: func() time.Time { return now.Add(slack) }}
	message, err := openpgp.VerifyDetachedSignatureReader(keys, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, config)
	if err == nil {
		_, err = io.Copy(io.Discard, message.UnverifiedBody)
	}
	if err == nil {
		err = message.SignatureError
	}
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return nil, errors.New("none of the keys that signed it is in the keyring")
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		// That is also said of a signature of the future.
		if at := message.SelectedCandidate.CorrespondingSig.CreationTime; at.After(now.Add(slack)) {
			return nil, &FutureError{Date: at, Now: now}
		}
		return nil, err
	case err != nil:
		return nil, err
	case message.Signature == nil:
		return nil, errors.New("its signatures were not checked")
	}
	return block.Plaintext, nil
}

// empty tells whether a message has no line of text, which clearsign.Decode
// does not expect.
func empty(data []byte) bool {
	headers := true
	for line := range bytes.Lines(data) {
		if headers {
			headers = len(bytes.TrimSpace(line)) > 0
			continue
		}
		return string(bytes.TrimRight(line, "\r\n")) == beginSignature
	}
	return true
}
