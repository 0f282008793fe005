package configure

import (
	"bytes"
	"debug/elf"
	"errors"
	"path"
	"strings"
	"testing"
)

func FuzzSoname(f *testing.F) {
	f.Add([]byte("\x7fELF\x02\x01\x01"))
	f.Add([]byte("/* GNU ld script */"))
	header := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	header = append(header, 3, 0, 62, 0)
	f.Add(append(header, bytes.Repeat([]byte{0xff}, 200)...))
	f.Add(SharedObject(f, elf.EM_X86_64, "libz.so.1"))
	f.Add(SharedObject(f, elf.EM_X86_64, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		name, err := soname(bytes.NewReader(data), elf.EM_X86_64)
		if err != nil && (name != "" || !errors.Is(err, errNoLibrary)) {
			t.Errorf("got %q and %v, expected a name or that it is no library", name, err)
		}
		if strings.Contains(name, "\x00") || len(name) > maxName {
			t.Errorf("got %q, expected a name", name)
		}
	})
}

func FuzzLoaderConf(f *testing.F) {
	f.Add("include /etc/ld.so.conf.d/*.conf\n/usr/lib # comment\n")
	f.Add("hwcap 1 nosegneg\n/lib=libc6\r\n  /opt/../lib\ninclude\t[ a b\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, line := range parseLoaderConf(text) {
			if (line.directory == "") == (line.include == "") {
				t.Errorf("got %+v, expected a directory or an include", line)
			}
			if line.directory != "" && (!path.IsAbs(line.directory) || strings.ContainsAny(line.directory, "#\n")) {
				t.Errorf("got the directory %q", line.directory)
			}
		}
	})
}

func FuzzSubjectHash(f *testing.F) {
	f.Add([]byte("\x30\x03\x30\x01\x00"))
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 20))
	f.Fuzz(func(_ *testing.T, der []byte) {
		if _, err := subjectHash(der); err != nil {
			return
		}
	})
}

func FuzzCompareNames(f *testing.F) {
	f.Add("libz.so.1", "libz.so.1.3")
	f.Add("libm-10.so", "libm-9.so")
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareNames(a, b) != -compareNames(b, a) {
			t.Errorf("%q and %q have no order", a, b)
		}
	})
}
