// Package deno is the buildpack slugc/deno: it installs Deno and what an app's
// deno.lock has (CNB Buildpack API 0.10, written on libcnb).
//
// The layers:
//
//	deno           the program (build, cache, launch)
//	deno-cache     DENO_DIR of builds (cache)
//	deno-packages  what of it processes need (cache, launch)
//	built          what the installation and the task "build" made of the app (cache)
//	catalog        which versions the registry gave (cache)
//
// Decisions:
//
//   - deno.lock is the law: --frozen, and an app that imports something from
//     elsewhere without one is refused, as is one whose lock file does not know an
//     import of deno.json.
//   - Processes load nothing: their DENO_DIR has all that the build has cached,
//     and where slugc says how they start it adds --cached-only. That DENO_DIR has
//     no data bases and no answers of registries, which differ from build to
//     build. Packages lie in it as if they were from npm's own registry, since Deno
//     looks for them by its address, and processes know no mirror.
//   - An app with package.json is one of Deno when it has deno.lock and no lock
//     file of another package manager.
//   - An app that says nothing of how it starts is started by main.ts or its like
//     with all permissions: a container or a sandbox is around it. One that never
//     says PORT listens where Deno listens by default; DENO_SERVE_ADDRESS moves it.
//
// Modules by address (https:) are cached with the time of their download, so two
// cold builds of an app that has them differ; "vendor": true in deno.json, with the
// directory committed, mends that.
//
// Third-party: libcnb holds the vocabulary of a buildpack, git-pkgs/purl knows npm's
// own registry.
package deno
