// Package build turns a plan into a Tree: it runs the buildpacks of the plan in
// order, hands each the environment that the ones before it made, and merges
// what they contribute (CNB Buildpack API, "Phase #3: Build").
//
// Prepare makes the platform directory that they see: the person's variables,
// and copies of service bindings. Copies, because the user that scripts run as
// could not read a person's 0600 files, because links in them must not lead out,
// and because they end with the build. Secrets tells what nobody may print.
//
// SBOM files are gathered below <layers>/sbom in one place when all is built, in
// the layout of the CNB Platform API, where images and caches take them from.
// The bom tables of old APIs are among them as sbom.legacy.json, where there are
// any: the reference lifecycle writes that file always, and "null" into it, and so
// does a Builder with LegacySBOM.
//
// A buildpack that built once is never asked again, and the tree is made in one go
// when all are done. What a buildpack contributed is not changed afterwards, but
// by classic ones: of config vars the last counts. A compiler that is an Exporter
// changes the environment of those behind it in other ways than by layers. Plans
// come one after the other, as who builds may depend on what was built (detect,
// "Stage").
//
// x/sync/errgroup waits for the walks of layers, of which several go on at once.
package build
