package gemstest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// Serve serves an index of gems until the test ends.
func Serve(t testing.TB, gems ...Gem) *downloadtest.Index {
	t.Helper()
	files := map[string][]byte{}
	infos := map[string]string{}
	versions := map[string][]string{}
	for _, g := range gems {
		data := g.pack(t)
		files["/gems/"+g.fullName()+".gem"] = data
		number := strings.TrimPrefix(g.fullName(), g.Name+"-")
		var needs []string
		for _, name := range slices.Sorted(maps.Keys(g.Dependencies)) {
			wanted := g.Dependencies[name]
			if wanted == "" {
				wanted = ">= 0"
			}
			needs = append(needs, name+":"+strings.ReplaceAll(wanted, ", ", "&"))
		}
		line := number + " " + strings.Join(needs, ",") + "|checksum:" + sum(data)
		if g.RequiredRuby != "" {
			line += ",ruby:" + strings.ReplaceAll(g.RequiredRuby, ", ", "&")
		}
		infos[g.Name] += line + "\n"
		versions[g.Name] = append(versions[g.Name], number)
	}
	all := "created_at: 2026-01-31T00:00:00Z\n---\n"
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		text := "---\n" + infos[name]
		files["/info/"+name] = []byte(text)
		all += fmt.Sprintf("%s %s %s\n", name, strings.Join(versions[name], ","), sum([]byte(text))[:32])
	}
	files["/versions"] = []byte(all)
	return downloadtest.ServeIndex(t, files)
}
