// Package build turns a plan into a Tree: it runs the buildpacks of the plan in
// order, hands each the environment that the ones before it made, and merges
// what they contribute (CNB Buildpack API, "Phase #3: Build").
//
// A buildpack that built once is never asked again, and what it contributed is
// not changed afterwards: the tree is made in one go when all are done.
package build
