package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/release"
)

// Keys say which key seals configs.
type Keys struct {
	// Text is the key itself, AGE-SECRET-KEY-1...; empty where File has it.
	Text string
	// File has the key, among lines that begin with #, as age-keygen writes it. It
	// is made when it is not there.
	File string
	// Made is told of a key that was made; it may be nil.
	Made func(file string)
}

// maxKey bounds what is read of a file with a key, in bytes.
const maxKey = 64 << 10

// identity is the key. A key is only made for a ledger that has nothing sealed.
func (k Keys) identity(fresh func() (bool, error)) (*age.X25519Identity, error) {
	if k.Text != "" {
		return parseKey("SLUGC_KEY", k.Text)
	}
	text, err := readKey(k.File)
	if errors.Is(err, fs.ErrNotExist) {
		isFresh, freshErr := fresh()
		switch {
		case freshErr != nil:
			return nil, freshErr
		case !isFresh:
			return nil, &release.KeyError{Problem: fmt.Sprintf("the key %s that configs were sealed with is gone: put it back, or name it with SLUGC_KEY_FILE or SLUGC_KEY", k.File)}
		}
		if err := k.generate(); err != nil {
			return nil, fmt.Errorf("making the key %s: %w", k.File, err)
		}
		text, err = readKey(k.File)
	}
	if err != nil {
		return nil, &release.KeyError{Problem: fmt.Sprintf("reading the key %s: %v", k.File, err)}
	}
	return parseKey(k.File, text)
}

func readKey(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKey))
	return string(text), err
}

// parseKey reads the one key of a text. An error does not show it.
func parseKey(from, text string) (*age.X25519Identity, error) {
	var found *age.X25519Identity
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseX25519Identity(line)
		if err != nil || found != nil {
			return nil, &release.KeyError{Problem: from + " is no key: expected one line AGE-SECRET-KEY-1..., as age-keygen makes it"}
		}
		found = key
	}
	if found == nil {
		return nil, &release.KeyError{Problem: from + " has no key: expected one line AGE-SECRET-KEY-1..., as age-keygen makes it"}
	}
	return found, nil
}

// generate makes the file with a new key, whole or not at all. Who comes second
// uses the key of the first.
func (k Keys) generate() (err error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	dir := filepath.Dir(k.File)
	f, err := os.CreateTemp(dir, beside.Prefix) // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = fmt.Fprintf(f, "# public key: %s\n%s\n", key.Recipient(), key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	switch err := os.Link(f.Name(), k.File); {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	if k.Made != nil {
		k.Made(k.File)
	}
	return beside.SyncDir(dir)
}

// seal makes an age file of data.
func seal(to age.Recipient, data []byte) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return sealed.Bytes(), nil
}

// unseal is the other way.
func unseal(key age.Identity, sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// content is what is sealed of a config: the app is in it, so that the config of
// one cannot be put in the place of another's.
type content struct {
	App    string         `json:"app"`
	Config release.Config `json:"config"`
}

func sealConfig(key *age.X25519Identity, app string, config release.Config) ([]byte, error) {
	if config == nil {
		config = release.Config{}
	}
	text, err := json.Marshal(content{app, config})
	if err != nil {
		return nil, err
	}
	return seal(key.Recipient(), text)
}
