package launch_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// dice makes random layers of the buildpacks acme/old and acme/new.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 4))} }

// one is one of several words.
func (d dice) one(words ...string) string { return words[d.IntN(len(words))] }

// happens says yes once in n times.
func (d dice) happens(n int) bool { return d.IntN(n) == 0 }

// value is a value of a variable, with all that means something to a shell, to
// TOML or to no one.
func (d dice) value() string {
	var value strings.Builder
	for range d.IntN(5) {
		value.WriteString(d.one("x", "1", " ", "  ", "\t", "\n", "\r", "'", "''", `"`, "$HOME", "$(false)", "`id`", `\`, `\n`,
			"é", "日", ":", "=", "*", "?", "~", "!", "#", "&", ";", "|", "%s", "-n", "{a,b}", "[x]", "\x01", "\x7f"))
	}
	return value.String()
}

// raw is a value that need not be UTF-8.
func (d dice) raw() string {
	value := d.value()
	for d.happens(3) {
		value += d.one("\xff", "\xc3", "\xe3\x81", "\x80", "\xc3'", "\\\xc3")
	}
	return value
}

// layers are the files of random layers, below the layers directory.
func (d dice) layers() map[string]string {
	files := map[string]string{}
	for _, buildpack := range []string{"acme_old", "acme_new"} {
		for _, layer := range []string{"a", "a.b", "B", "z-1"} {
			if !d.happens(3) {
				d.layer(files, buildpack+"/"+layer+"/")
			}
		}
	}
	return files
}

func (d dice) layer(files map[string]string, layer string) {
	for _, dir := range []string{"bin/", "lib/", "include/", "share/"} {
		if d.happens(3) {
			files[layer+dir] = ""
		}
	}
	dirs := []string{"env/", "env.launch/", "env.launch/direct/", "env.launch/dump/", "env.launch/dotted.type/", "env.build/"}
	for range d.IntN(8) {
		name := d.one("A", "B", "C", "long_Name1", "LD_LIBRARY_PATH")
		files[layer+d.one(dirs...)+name+d.one("", ".override", ".append", ".prepend", ".default", ".delim", ".what")] = d.raw()
	}
	if d.happens(3) {
		dir := layer + d.one(dirs...)
		files[dir+"PATH."+d.one("append", "prepend")] = d.one("/more", "/opt/it's here/bin")
		files[dir+"PATH.delim"] = ":"
	}
	for range d.IntN(2) {
		files[layer+d.one(dirs...)+"P"+d.one("", ".append", ".prepend")] = d.one(
			slugLayers+"/x", "/usr:"+slugLayers+":/usr", "--dir="+slugLayers+"/it's ")
	}
	for range d.IntN(3) {
		files[layer+"exec.d/"+d.one("", "direct/", "dump/")+d.one("1", "2", "a b")] = d.execD()
	}
}

// profiles adds random profile scripts to layers.
func (d dice) profiles(files map[string]string) {
	for _, layer := range []string{"acme_old/B/", "acme_old/a/", "acme_new/a.b/"} {
		name := layer + "profile.d/" + d.one("", "direct/", "dump/") + d.one("1.sh", "it's")
		files[name] = fmt.Sprintf("R=\"${R-} %s $A\"\nexport R\n", strings.ReplaceAll(name, "'", ""))
	}
}

// execD is an exec.d program that tells what it saw and sets a variable.
func (d dice) execD() string {
	var text strings.Builder
	for _, r := range d.value() {
		switch {
		case r == '"' || r == '\\':
			fmt.Fprintf(&text, `\%c`, r)
		case r < ' ' || r == 0x7f || d.happens(4):
			fmt.Fprintf(&text, `\u%04x`, r)
		default:
			text.WriteRune(r)
		}
	}
	name := d.one("A", "B", "D", "E")
	return fmt.Sprintf(`#!/bin/sh
echo out
echo "SAW_%s = '$(printf %%s "$A" | od -An -v -tx1 | tr -d ' \n')'" >&3
cat >&3 <<'END'
%s = "%s"
END
`, name, name, text.String())
}
