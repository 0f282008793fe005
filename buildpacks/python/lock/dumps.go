package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// dumps writes a value as Python's json.dumps does, with sorted keys and ASCII
// alone. The separators stand between items and behind keys.
func dumps(v any, item, key string) string {
	var b strings.Builder
	dump(&b, v, item, key)
	return b.String()
}

func dump(b *strings.Builder, v any, item, key string) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case string:
		dumpString(b, v)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(dumpFloat(v))
	case time.Time:
		// Python has no JSON of it: no tool writes a lock file from one.
		dumpString(b, v.String())
	case map[string]any:
		b.WriteByte('{')
		for i, name := range sortedKeys(v) {
			if i > 0 {
				b.WriteString(item)
			}
			dumpString(b, name)
			b.WriteString(key)
			dump(b, v[name], item, key)
		}
		b.WriteByte('}')
	default:
		b.WriteByte('[')
		for i, one := range list(v) {
			if i > 0 {
				b.WriteString(item)
			}
			dump(b, one, item, key)
		}
		b.WriteByte(']')
	}
}

func dumpFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func dumpString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c < ' ' || c > '~' && c <= 0xffff:
			fmt.Fprintf(b, `\u%04x`, c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
}

// sumOf is the sha256 of a text, in hexadecimal digits.
func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
