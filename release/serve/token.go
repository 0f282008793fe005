package serve

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// shortestToken is the length of the shortest token that nobody guesses, in bytes.
const shortestToken = 20

// TokenError says why a file has no token that can be used.
type TokenError struct{ File, Problem string }

func (e *TokenError) Error() string { return fmt.Sprintf("the token in %s %s", e.File, e.Problem) }

// ReadToken reads the token in a file.
func ReadToken(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	switch {
	case len(token) < shortestToken:
		return "", &TokenError{file, fmt.Sprintf("has %d characters; expected at least %d, such as those of: openssl rand -hex 32", len(token), shortestToken)}
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", &TokenError{file, "has spaces or signs that no header can have; expected one word"}
	}
	return token, nil
}

// OwnToken reads the token in a file that is this server's own, and makes it when there
// is none.
func OwnToken(file string) (token string, made bool, err error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return makeToken(file)
	case err != nil:
		return "", false, fmt.Errorf("reading the token: %w", err)
	case info.Mode().Perm()&0o077 != 0:
		return "", false, &TokenError{file, fmt.Sprintf("can be read by others: type chmod 600 %s, or remove the file for a new token", file)}
	}
	token, err = ReadToken(file)
	return token, false, err
}

func makeToken(file string) (token string, made bool, err error) {
	token = rand.Text() + rand.Text()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", false, fmt.Errorf("making the token: %w", err)
	}
	// Of two servers that start at once, one makes the token: a link has no second.
	f, err := os.CreateTemp(filepath.Dir(file), ".token-")
	if err != nil {
		return "", false, fmt.Errorf("making the token: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), file)
	}
	if other := os.Remove(f.Name()); other != nil {
		err = errors.Join(err, other)
	}
	if errors.Is(err, fs.ErrExist) {
		token, err = ReadToken(file)
		return token, false, err
	}
	if err != nil {
		return "", false, fmt.Errorf("making the token: %w", err)
	}
	return token, true, nil
}

// same is whether two words are the same, in a time that does not say where they
// differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
