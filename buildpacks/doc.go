// Package buildpacks is the vocabulary that both dialects, classic and CNB,
// share with detect and build: who a buildpack is (Descriptor), in which order
// buildpacks are asked (Order), what one answers (Detection), and what it adds
// to a build (Contribution).
//
// Site says where all buildpacks of a build work. The app may be a directory of what
// is built, so that the other packages of a repository are there: scripts then work in
// that directory (Site.AppDir), which is their BUILD_DIR, find the whole source by
// SLUGC_SOURCE_DIR (SourceDirVariable), and may write all of it.
//
// The interfaces that a buildpack satisfies stand where they are used:
// detect.Prober and build.Compiler. Neither dialect imports those packages.
package buildpacks
