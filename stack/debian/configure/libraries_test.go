package configure_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack/debian/configure"
)

// cacheLine is an entry of a cache of the loader, as "ldconfig -p" would show
// it: the name, flags, hwcap, and path.
func cacheLine(name string, flags uint32, hwcap uint64, path string) string {
	return fmt.Sprintf("%s %x %x %s", name, flags, hwcap, path)
}

// decodeCache reads a cache as dl-cache.h describes it.
func decodeCache(t *testing.T, text string) []string {
	t.Helper()
	data := []byte(text)
	if !bytes.HasPrefix(data, []byte("glibc-ld.so.cache1.1")) {
		t.Fatalf("got %q, expected the magic of a cache", data[:min(20, len(data))])
	}
	le := binary.LittleEndian
	count, flags, extension := le.Uint32(data[20:]), le.Uint32(data[28:]), le.Uint32(data[32:])
	if flags != 2 || extension%4 != 0 || le.Uint32(data[extension:]) != 0xeaa42174 {
		t.Fatalf("got flags %d, extensions at %d", flags, extension)
	}
	at := func(offset uint32) string {
		name, _, _ := bytes.Cut(data[offset:], []byte{0})
		return string(name)
	}
	var lines []string
	for i := range count {
		entry := data[48+24*i:]
		lines = append(lines, cacheLine(at(le.Uint32(entry[4:])), le.Uint32(entry), le.Uint64(entry[16:]), at(le.Uint32(entry[8:]))))
	}
	return lines
}

func testLibraries(t *testing.T, _ spec.G, it spec.S) {
	const dir = "/usr/lib/x86_64-linux-gnu/"
	object := func(soname string) string { return string(configure.SharedObject(t, elf.EM_X86_64, soname)) }
	conf := func(f *fixture) {
		f.put("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n")
		f.put("/etc/ld.so.conf.d/libc.conf", "# default\n/usr/local/lib\n")
		f.put("/etc/ld.so.conf.d/x86.conf", "/lib/x86_64-linux-gnu # multiarch\n/usr/lib/x86_64-linux-gnu\n/missing\n")
	}

	it("lists what ldconfig lists, in the order in which the loader searches", func() {
		f := newFixture(t)
		conf(f)
		f.put(dir+"libz.so.1.3.1", object("libz.so.1"))
		f.put(dir+"libz.so.1", "-> libz.so.1.3.1")
		f.put(dir+"libz.so", "-> libz.so.1.3.1")
		f.put(dir+"libc.so", "/* GNU ld script */")
		f.put(dir+"libc.so.6", object("libc.so.6"))
		f.put(dir+"libplain.so", object(""))
		f.put(dir+"libm-10.so", object("libm-10.so"))
		f.put(dir+"libm-9.so", object("libm-9.so"))
		f.put(dir+"libforeign.so.1", string(configure.SharedObject(t, elf.EM_AARCH64, "libforeign.so.1")))
		f.put(dir+"libdangling.so.1", "-> nothing")
		f.put(dir+"libzpy.so-gdb.py", object("libzpy.so"))
		f.put(dir+"notalib.so", object("notalib.so"))
		f.put("/usr/local/lib/libz.so.1", object("libz.so.1"))
		f.put("/lib/libtop.so.2", object("libtop.so.2"))
		f.apply()
		x86 := func(name, path string) string { return cacheLine(name, 0x303, 0, path+name) }
		want := []string{
			x86("libz.so.1", "/usr/local/lib/"), x86("libz.so.1", "/lib/x86_64-linux-gnu/"),
			x86("libz.so", "/lib/x86_64-linux-gnu/"), x86("libtop.so.2", "/lib/"),
			x86("libplain.so", "/lib/x86_64-linux-gnu/"), x86("libm-10.so", "/lib/x86_64-linux-gnu/"),
			x86("libm-9.so", "/lib/x86_64-linux-gnu/"), x86("libc.so.6", "/lib/x86_64-linux-gnu/"),
		}
		if diff := cmp.Diff(want, decodeCache(t, f.text("/etc/ld.so.cache"))); diff != "" {
			t.Error(diff)
		}
	})

	it("makes the links that programs ask for", func() {
		f := newFixture(t)
		f.put(dir+"libnew.so.1.2", object("libnew.so.1"))
		f.put(dir+"libnew.so.1.10", object("libnew.so.1"))
		f.put(dir+"libold.so.1.2", object("libold.so.1"))
		f.put(dir+"libold.so.1", "-> libold.so.1.1")
		f.put(dir+"libfile.so.1.2", object("libfile.so.1"))
		f.put(dir+"libfile.so.1", "a file of its own")
		f.apply()
		for name, want := range map[string]string{
			"libnew.so.1": "-> libnew.so.1.10", "libold.so.1": "-> libold.so.1.2", "libfile.so.1": "a file of its own",
		} {
			if got := f.text(dir + name); got != want {
				t.Errorf("%s: got %q, expected %q", name, got, want)
			}
		}
	})

	it("marks libraries for newer processors", func() {
		f := newFixture(t)
		f.put(dir+"libx.so.1", object("libx.so.1"))
		f.put(dir+"glibc-hwcaps/x86-64-v3/libx.so.1.5", object("libx.so.1"))
		f.put(dir+"glibc-hwcaps/x86-64-v2/libx.so.1.5", object("libx.so.1"))
		f.apply()
		const lib = "/lib/x86_64-linux-gnu/"
		want := []string{
			cacheLine("libx.so.1", 0x303, 1<<62, lib+"glibc-hwcaps/x86-64-v2/libx.so.1.5"),
			cacheLine("libx.so.1", 0x303, 1<<62|1, lib+"glibc-hwcaps/x86-64-v3/libx.so.1.5"),
			cacheLine("libx.so.1", 0x303, 0, lib+"libx.so.1"),
		}
		if diff := cmp.Diff(want, decodeCache(t, f.text("/etc/ld.so.cache"))); diff != "" {
			t.Error(diff)
		}
	})

	it("makes the cache of arm64 on any machine", func() {
		f := newFixture(t)
		f.request.Arch = "arm64"
		f.put("/usr/lib/aarch64-linux-gnu/libc.so.6", string(configure.SharedObject(t, elf.EM_AARCH64, "libc.so.6")))
		f.put("/usr/lib/aarch64-linux-gnu/libx86.so.1", object("libx86.so.1"))
		f.apply()
		want := []string{cacheLine("libc.so.6", 0xa03, 0, "/lib/aarch64-linux-gnu/libc.so.6")}
		if diff := cmp.Diff(want, decodeCache(t, f.text("/etc/ld.so.cache"))); diff != "" {
			t.Error(diff)
		}
	})

	it("does not follow a name out of the directory", func() {
		f := newFixture(t)
		f.put(dir+"libevil.so.1", object("../../../etc/passwd"))
		f.apply()
		if got := f.text("/etc/passwd"); strings.HasPrefix(got, "->") {
			t.Errorf("got %q, expected the file of accounts", got)
		}
		if got := decodeCache(t, f.text("/etc/ld.so.cache")); len(got) != 0 {
			t.Errorf("got %q, expected no library", got)
		}
	})

	it("refuses a configuration that includes itself", func() {
		f := newFixture(t)
		f.put("/etc/ld.so.conf", "include /etc/ld.so.conf\n")
		f.refuse("/etc/ld.so.conf", "includes itself")
	})
}
