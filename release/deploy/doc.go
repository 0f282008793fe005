// Package deploy is the whole road in one short function: Build opens the
// source, detects, restores, compiles, saves, packs and records, and says each
// step as it goes.
//
// The files are its nouns: the workplace (an opened source with the site on
// which it is built), the buildpacks that were chosen, the walked tree, the
// forms of artifacts (slug, image) and the bundle of their jobs. The voice is
// told what happens; it is the only thing here that a person sees.
package deploy
