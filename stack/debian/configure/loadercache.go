package configure

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Of the cache of the loader, ld.so.cache, in the format that glibc has alone
// since 2.32 (elf/dl-cache.h, sysdeps/generic/dl-cache.h).
const (
	loaderCache = "/etc/ld.so.cache"
	cacheMagic  = "glibc-ld.so.cache1.1"
	// cacheLittleEndian is cache_file_new_flags_endian_little.
	cacheLittleEndian = 2
	cacheHeader       = 48
	cacheEntry        = 24
	// extensionMagic stands before the extensions, which are a generator for
	// people and the names of the subdirectories of glibc-hwcaps.
	extensionMagic     = 0xeaa42174
	extensionGenerator = 0
	extensionHwcaps    = 1
	extensionHead      = 8
	extensionEntry     = 16
	// hwcapExtension in the upper half of the hwcap field of an entry says that
	// the lower half is the number of a subdirectory.
	hwcapExtension = 1 << 30
	generator      = "slugc"
)

// cached is a library in the cache of the loader.
type cached struct {
	// soname is what programs ask for, path where it is.
	soname, path string
	// hwcaps is the subdirectory of glibc-hwcaps that has it; "" is none.
	hwcaps string
}

// encodeCache makes the cache of libraries that are in the order in which they
// are to be found.
func encodeCache(libraries []cached, flags int64) ([]byte, error) {
	sorted := slices.Clone(libraries)
	slices.SortStableFunc(sorted, compareCached)
	subdirectories := hwcapsOf(sorted)
	var names []string
	for _, l := range sorted {
		names = append(names, l.soname, l.path)
	}
	base := cacheHeader + cacheEntry*len(sorted)
	strings, offsets := encodeStrings(append(names, subdirectories...), base)
	extension := (base + len(strings) + 3) &^ 3

	w := words{bytes: append(make([]byte, 0, extension+256), cacheMagic...)}
	w.add(len(sorted), len(strings), cacheLittleEndian, extension, 0, 0, 0)
	for _, l := range sorted {
		w.add64(flags)
		w.add(offsets[l.soname], offsets[l.path], 0)
		if l.hwcaps == "" {
			w.add(0, 0)
			continue
		}
		at, _ := slices.BinarySearch(subdirectories, l.hwcaps)
		w.add(at, hwcapExtension)
	}
	w.bytes = append(w.bytes, strings...)
	w.bytes = append(w.bytes, make([]byte, extension-len(w.bytes))...)
	w.addExtensions(subdirectories, offsets)
	return w.bytes, w.err
}

// words writes numbers of 32 bits, little-endian.
type words struct {
	bytes []byte
	err   error
}

func (w *words) add(values ...int) {
	for _, value := range values {
		w.add64(int64(value))
	}
}

func (w *words) add64(value int64) {
	if value < 0 || value > math.MaxUint32 {
		w.err = fmt.Errorf("too many shared libraries for %s", loaderCache)
		return
	}
	w.bytes = binary.LittleEndian.AppendUint32(w.bytes, uint32(value))
}

// addExtensions writes the directory of extensions and what it tells about.
// The names of subdirectories come first there, as they must be aligned.
func (w *words) addExtensions(subdirectories []string, offsets map[string]int) {
	count := 1
	if len(subdirectories) > 0 {
		count = 2
	}
	at := len(w.bytes) + extensionHead + count*extensionEntry
	size := 4 * len(subdirectories)
	w.add64(extensionMagic)
	w.add(count)
	w.add(extensionGenerator, 0, at+size, len(generator))
	if len(subdirectories) > 0 {
		w.add(extensionHwcaps, 0, at, size)
	}
	for _, name := range subdirectories {
		w.add(offsets[name])
	}
	w.bytes = append(w.bytes, generator...)
}

// hwcapsOf are the subdirectories of glibc-hwcaps that libraries are in.
func hwcapsOf(libraries []cached) []string {
	var names []string
	for _, l := range libraries {
		if l.hwcaps != "" {
			names = append(names, l.hwcaps)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// compareCached is the order of the cache, in which the loader searches by
// halves: names descending, and those of a subdirectory of glibc-hwcaps first.
func compareCached(a, b cached) int {
	if order := compareNames(b.soname, a.soname); order != 0 {
		return order
	}
	if (a.hwcaps == "") != (b.hwcaps == "") {
		if a.hwcaps != "" {
			return -1
		}
		return 1
	}
	return strings.Compare(a.hwcaps, b.hwcaps)
}

// compareNames is the loader's order of names: numbers count as numbers, and
// after everything else.
func compareNames(a, b string) int {
	for a != "" && b != "" {
		switch inA, inB := digit(a[0]), digit(b[0]); {
		case inA && inB:
			var valueA, valueB uint64
			valueA, a = number(a)
			valueB, b = number(b)
			if valueA != valueB {
				return cmp.Compare(valueA, valueB)
			}
		case inA:
			return 1
		case inB:
			return -1
		case a[0] != b[0]:
			return cmp.Compare(a[0], b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return cmp.Compare(len(a), len(b))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// number reads the digits at the start of a name.
func number(name string) (value uint64, rest string) {
	for name != "" && digit(name[0]) {
		value = value*10 + uint64(name[0]-'0')
		name = name[1:]
	}
	return value, name
}

// encodeStrings makes a table of strings in which one that ends another is kept
// within that one, and tells where each begins, counted from base.
func encodeStrings(names []string, base int) ([]byte, map[string]int) {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, compareEnds)
	sorted = slices.Compact(sorted)
	offsets := make(map[string]int, len(sorted))
	var table []byte
	previous := ""
	for _, name := range sorted {
		if previous != "" && strings.HasSuffix(previous, name) {
			offsets[name] = offsets[previous] + len(previous) - len(name)
		} else {
			offsets[name] = base + len(table)
			table = append(append(table, name...), 0)
		}
		previous = name
	}
	return table, offsets
}

// compareEnds orders strings by their ends, descending, a longer one before its
// own end.
func compareEnds(a, b string) int {
	for i := 1; i <= min(len(a), len(b)); i++ {
		if order := cmp.Compare(b[len(b)-i], a[len(a)-i]); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(b), len(a))
}
