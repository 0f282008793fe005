package php

import (
	"crypto/md5"
	"encoding/hex"
)

// ContentHash is the content-hash that a composer.lock has for a composer.json.
func ContentHash(manifest []byte) (string, error) {
	value, err := readPHP(manifest)
	if err != nil {
		return "", err
	}
	return contentHash(value), nil
}

// contentHash is the checksum by which a lock file tells whether composer.json is
// the one that it was made for (Composer, "Locker::getContentHash").
func contentHash(of phpValue) string {
	relevant := phpValue{kind: '{'}
	for _, key := range []string{
		"config", "conflict", "extra", "minimum-stability", "name", "prefer-stable", "provide", "replace", "repositories", "require", "require-dev", "version",
	} {
		value, found := of.get(key)
		if key == "config" {
			platform, has := value.get("platform")
			if !has || platform.text == "null" {
				continue
			}
			value, found = phpValue{kind: '{', table: []phpEntry{{"platform", platform}}}, true
		}
		if found {
			relevant.table = append(relevant.table, phpEntry{key, value})
		}
	}
	sum := md5.Sum([]byte(relevant.String()))
	return hex.EncodeToString(sum[:])
}
