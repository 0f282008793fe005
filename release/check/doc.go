// Package check looks at an app by the twelve factors (12factor.net), one by one.
//
// Source looks at a tree of files: rules over its lines and its manifests, which say
// where something is, why it matters and what to write instead. Try really starts the
// web process of a slug and measures what it does. Both give findings, of which a
// Report is made.
//
// A rule would rather say nothing than something that is not so. It looks at code and
// configuration without their comments, and not at tests, at what others wrote, or at
// files for development. An address or a port beside an environment variable is a
// default, and good. What is found of a secret is its place and never its value.
package check
