// Package resolve decides which packages a root filesystem is made of: those
// that are wanted, and what they need (Debian Policy 7). It is a pure function
// of an index and a request; it reads no disk and no network.
//
// Rules:
//
//   - The highest version of a name counts, over all suites. Another one is
//     taken only when a relation asks for versions of that name, never because
//     the highest one cannot be installed: a base without a security fix would be
//     a silent answer.
//   - Pre-Depends and Depends are followed, Recommends never. Essential packages
//     are not added unasked.
//   - What can be satisfied in one way only is selected first. Where there is a
//     choice, what is selected, wanted or there already satisfies it; else the
//     first alternative that can be satisfied is taken, a package of that name
//     before those that provide it. Of several providers an Essential one is
//     taken first, then the one with the higher Priority, then by name.
//   - A virtual package satisfies a relation with a version only when it is
//     provided with one (Policy 7.5).
//   - "name:any" is satisfied by packages with "Multi-Arch: allowed" alone, as for
//     dpkg; for a relation to an architecture, packages of "all" are of the one
//     that is asked for.
//   - Conflicts and Breaks between what is selected lead to the next alternative,
//     and to an error when there is none. A package is no enemy of itself.
//   - Packages of a base that is there already count as they are, at their
//     versions: an extension of a base cannot replace its libc. What they provide
//     is looked up in the index; for a version that the index has no longer, the
//     description of the highest one is used.
//   - Names to omit, and what packages of these names provide, count as there. A
//     name that is wanted all the same is not omitted.
//
// This gives what apt-get install --no-install-recommends selects on a system
// without packages, which a test compares. It differs in one thing: apt decides
// on a choice when it meets it, so that the order of packages matters, and it
// ends up with a first alternative that nothing needs any more when a later
// package brings the second one. Three of 130 closures had one package less here.
//
// The order of what is wanted does not matter. The search goes back to the last
// choice that has to do with a dead end, rather than to the last one, and ends
// after some ten thousand tries.
//
// Third-party: nothing.
package resolve
