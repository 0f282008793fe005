package resolve_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/resolve"
)

// What is selected has all that it needs and nothing that clashes, everything
// in it is there for something, and the order of what is wanted does not count.
func TestAnyArchive(t *testing.T) {
	selected, failed := 0, 0
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		packages, wanted := arbitrary(random, kind{count: 25, versions: 2, depends: 2, alternatives: 3, enemies: 8})
		u := published(t, packages...)
		request := resolve.Request{Arch: "amd64", Wanted: wanted}
		got, err := resolve.Resolve(u, request)
		if err != nil {
			failed++
		} else {
			selected++
			closed(t, u, wanted, got)
		}
		shuffled := slices.Clone(wanted)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		request.Wanted = append(shuffled, wanted...)
		again, errAgain := resolve.Resolve(u, request)
		if diff := cmp.Diff(got, again); diff != "" || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Errorf("seed %d: in another order: %s\n%v\n%v", seed, diff, err, errAgain)
		}
		if t.Failed() {
			t.Fatalf("seed %d: wanted %s of\n%s", seed, wanted, strings.Join(packages, "\n"))
		}
	}
	if selected < 100 || failed < 20 {
		t.Errorf("the archives are too much alike: %d have a selection, %d have none", selected, failed)
	}
}

// kind is what archives are like.
type kind struct {
	// count is the number of names, versions of how many versions each may be.
	count, versions int
	// depends is how many relations a package may have, alternatives how many
	// alternatives, and one of enemies names an enemy.
	depends, alternatives, enemies int
}

// arbitrary is a small archive of any relations, and some of it.
func arbitrary(random *rand.Rand, k kind) (packages, wanted []string) {
	pick := func() string {
		name := random.IntN(k.count)
		switch random.IntN(8) {
		case 0, 1:
			return fmt.Sprintf("v%d", random.IntN(4))
		case 2:
			return fmt.Sprintf("p%d (>= %d)", name, 1+random.IntN(k.versions))
		case 3:
			return fmt.Sprintf("p%d (<< %d)", name, 1+k.versions-random.IntN(k.versions))
		}
		return fmt.Sprintf("p%d", name)
	}
	for i := range k.count {
		for version := range 1 + random.IntN(k.versions) {
			text := fmt.Sprintf("p%d %d", i, version+1)
			var depends []string
			for range random.IntN(k.depends + 1) {
				alternatives := []string{pick()}
				for range random.IntN(k.alternatives) {
					alternatives = append(alternatives, pick())
				}
				depends = append(depends, strings.Join(alternatives, " | "))
			}
			text += "; Depends: " + strings.Join(depends, ", ")
			if random.IntN(3) == 0 {
				text += fmt.Sprintf("; Provides: v%d", random.IntN(4))
			}
			if random.IntN(k.enemies) == 0 {
				text += "; Conflicts: " + pick()
			}
			packages = append(packages, text)
		}
	}
	for range 1 + random.IntN(4) {
		wanted = append(wanted, fmt.Sprintf("p%d", random.IntN(k.count)))
	}
	return packages, wanted
}

// meets says whether a package satisfies a relation, in an archive where nothing
// is provided in a version.
func meets(c resolve.Candidate, r control.Relation) bool {
	return slices.ContainsFunc(r.Alternatives, func(p control.Possibility) bool {
		provides := slices.ContainsFunc(c.Provides, func(v control.Provided) bool { return v.Name == p.Name && p.Op == "" })
		return c.Name == p.Name && p.Admits(c.Version) || provides
	})
}

// closed checks a selection by the words of Policy.
func closed(t *testing.T, u archive, wanted []string, packages []control.Package) {
	t.Helper()
	var all []resolve.Candidate
	for _, p := range packages {
		versions, err := u.Named(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(versions, func(c resolve.Candidate) bool { return c.Package == p })
		if i < 0 {
			t.Fatalf("%s is not of the archive", p)
		}
		all = append(all, versions[i])
	}
	// A package is there for a reason when a chain of relations leads to it.
	reached := map[string]bool{}
	var reach func(owner string, relations []control.Relation)
	reach = func(owner string, relations []control.Relation) {
		for _, r := range relations {
			met := false
			for _, c := range all {
				if !meets(c, r) {
					continue
				}
				met = true
				if !reached[c.Name] {
					reached[c.Name] = true
					reach(c.String(), slices.Concat(c.PreDepends, c.Depends))
				}
			}
			if !met {
				t.Errorf("%s needs %s, which nothing satisfies", owner, r)
			}
		}
	}
	relations, err := control.ParseRelations(strings.Join(wanted, ", "), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	reach("the request", relations)
	for i, c := range all {
		if !reached[c.Name] {
			t.Errorf("%s is there for nothing", c)
		}
		if i > 0 && all[i-1].Name >= c.Name {
			t.Errorf("%s is not in order", c)
		}
		for _, r := range slices.Concat(c.Conflicts, c.Breaks) {
			for _, other := range all {
				if other.Name != c.Name && meets(other, r) {
					t.Errorf("%s and %s clash", c, other)
				}
			}
		}
	}
}

// Where there is a selection it is found: all sets of packages are looked at.
func TestFindsWhatThereIs(t *testing.T) {
	const count = 14
	found, failed := 0, 0
	for seed := range uint64(1000) {
		packages, wanted := arbitrary(rand.New(rand.NewPCG(seed, 2)),
			kind{count: count, versions: 1, depends: 3, alternatives: 4, enemies: 2})
		u := published(t, packages...)
		got, err := resolve.Resolve(u, resolve.Request{Arch: "amd64", Wanted: wanted})
		if want := satisfiable(t, u, count, wanted); want != (err == nil) {
			t.Fatalf("seed %d: there is a selection: %t; got %s, %v; wanted %s of\n%s",
				seed, want, names(got, false), err, wanted, strings.Join(packages, "\n"))
		}
		if err == nil {
			found++
		} else {
			failed++
		}
	}
	if found < 100 || failed < 100 {
		t.Errorf("the archives are too much alike: %d have a selection, %d have none", found, failed)
	}
}

// satisfiable says whether any set of the packages p0, p1, ... is a selection.
func satisfiable(t *testing.T, u archive, count int, wanted []string) bool {
	t.Helper()
	all := make([]resolve.Candidate, count)
	for i := range all {
		named, err := u.Named(fmt.Sprintf("p%d", i))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = named[0]
	}
	// set is those of the packages that satisfy a relation, a bit for each.
	set := func(r control.Relation) (bits uint) {
		for i, c := range all {
			if meets(c, r) {
				bits |= 1 << i
			}
		}
		return bits
	}
	needs, enemies := make([][]uint, count), make([]uint, count)
	for i, c := range all {
		for _, r := range c.Depends {
			needs[i] = append(needs[i], set(r))
		}
		for _, r := range c.Conflicts {
			enemies[i] |= set(r) &^ (1 << i)
		}
	}
	relations, err := control.ParseRelations(strings.Join(wanted, ", "), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	var roots []uint
	for _, r := range relations {
		roots = append(roots, set(r))
	}
	good := func(selected uint) bool {
		if slices.ContainsFunc(roots, func(n uint) bool { return selected&n == 0 }) {
			return false
		}
		for i := range all {
			if selected&(1<<i) == 0 {
				continue
			}
			if selected&enemies[i] != 0 || slices.ContainsFunc(needs[i], func(n uint) bool { return selected&n == 0 }) {
				return false
			}
		}
		return true
	}
	for selected := range uint(1) << count {
		if good(selected) {
			return true
		}
	}
	return false
}
