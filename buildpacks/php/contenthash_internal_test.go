package php

import "testing"

// The sums are those that Composer 2.8.8 writes.
func TestContentHash(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "d751713988987e9331980363e24189ce",
		`{"name": "a/b", "require": {"php": "^8.2", "c/d": "^1.0"}, "require-dev": {}, "description": "no matter", "config": {"platform": {"php": "8.4.1", "ext-x": false}, "sort-packages": true}}`:                                                                  "4cadc24c82c8f0cf6de90c5cba919410",
		`{"extra": {"a": [1.5, -0, 0.1, 1e30, 1e16, 123456789012345678901, 1e-7, 1.0, -1.25e-10, 100000000000000000000.0], "b": {"0": "x", "1": "y"}, "c": {"1": "x"}, "d": null, "e": [[], {}]}}`:                                                                    "3ffbd759b07a6e790786128356e0570e",
		`{"version": "1.0", "extra": {"é": "ü/\"\\ \u0001\u007f\b\f\n\r\t \ud83d\ude00 \u2028"}, "repositories": [{"type": "path", "url": "packages/*", "options": {"symlink": true}}, {"packagist.org": false}], "prefer-stable": true, "minimum-stability": "dev"}`: "62c2d4e332dff0287a62e3bd8fc4585a",
		`{"require": {"a/b": "1", "a/c": "2", "a/b": "3"}, "provide": {"x/y": "*"}, "replace": {"z/z": "self.version"}, "conflict": {"q/q": "<1"}, "config": {"platform": {}}}`:                                                                                       "aae6bcf1d0850a1daade4c258e081f36",
		`{"extra": {"a<b": "'&>", "": 1, "x": {"2": "a", "1": "b"}}, "config": {"platform": null}}`:                                                                                                                                                                   "99a1a76dd5657803b4e7b579c86d20e1",
	} {
		if got, err := ContentHash([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
}
