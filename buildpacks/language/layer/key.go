package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Key is a checksum over all that decides what goes into a layer.
type Key struct{ parts []string }

// Add adds a value by name. The order counts.
func (k *Key) Add(name, value string) { k.parts = append(k.parts, name, value) }

// Sum is the checksum, in hexadecimal digits.
func (k *Key) Sum() string {
	h := sha256.New()
	for _, part := range k.parts {
		// The length keeps two parts from reading as others.
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sum is the checksum of data, in hexadecimal digits.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// FileSum is the checksum of a file, which may be large, in hexadecimal digits.
func FileSum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// AddTree adds the files and symbolic links of a directory below dir, or one
// file, with their names. What is not there adds nothing.
func (k *Key) AddTree(dir, name string) error {
	err := filepath.WalkDir(filepath.Join(dir, name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			k.Add("link "+rel, target)
			return err
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		sum, err := FileSum(path)
		k.Add(rel, sum)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("computing what decides a layer: %w", err)
	}
	return nil
}
