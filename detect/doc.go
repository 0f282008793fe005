// Package detect finds out who builds an app.
//
// A Source is the app tree at one version. Detect asks the buildpacks of an
// order, and Resolve, a pure function on their answers, picks the first group
// that can build together (CNB Buildpack API, "Phase #1: Detection" and
// "Order Resolution"). The result is a Plan: who builds, in what order, what
// each must provide, and why every other one does not.
//
// A detection that broke is a verdict of its own and is shown in the plan; it
// never reads as "another language".
package detect
