package cachestore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/pack"
)

// The directories of an entry in which files have the sha256 of their content
// as names.
const (
	indexDir = "index"
	sbomDir  = "sbom"
)

// keepFile keeps data under the sha256 of its bytes.
func (e *Entry) keepFile(dir string, data []byte) (sum string, err error) {
	hash := sha256.Sum256(data)
	sum = hex.EncodeToString(hash[:])
	if _, err := e.readFile(dir, sum); err == nil {
		return sum, nil
	}
	if err := os.MkdirAll(e.path(dir), 0o755); err != nil {
		return "", err
	}
	return sum, e.replace(filepath.Join(dir, sum), data)
}

// readFile reads what keepFile kept.
func (e *Entry) readFile(dir, sum string) ([]byte, error) {
	data, err := os.ReadFile(e.path(dir, filepath.Base(sum)))
	if err != nil {
		return nil, err
	}
	if hash := sha256.Sum256(data); hex.EncodeToString(hash[:]) != sum {
		return nil, errors.New("checksum does not match")
	}
	return data, nil
}

// dropFiles removes the files that the record does not name.
func (e *Entry) dropFiles(dir string, inUse map[string]bool) error {
	files, err := os.ReadDir(e.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if !inUse[f.Name()] {
			if err := os.Remove(e.path(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Entry) writeIndex(index pack.Index) (sum string, err error) {
	var data bytes.Buffer
	if _, err := index.WriteTo(&data); err != nil {
		return "", err
	}
	return e.keepFile(indexDir, data.Bytes())
}

func (e *Entry) readIndex(sum string) (pack.Index, error) {
	data, err := e.readFile(indexDir, sum)
	if err != nil {
		return nil, err
	}
	return pack.ReadIndex(bytes.NewReader(data))
}
