// Package buildpacks is the vocabulary that both dialects, classic and CNB,
// share with detect and build: who a buildpack is (Descriptor), in which order
// buildpacks are asked (Order), what one answers (Detection), and what it adds
// to a build (Contribution).
//
// The interfaces that a buildpack satisfies stand where they are used:
// detect.Prober and build.Compiler. Neither dialect imports those packages.
package buildpacks
