// Package platform is what stands between a platform and the phases of the
// lifecycle: which Platform API it speaks and what that means, the inputs that it
// gives by flags and variables, the voice in which phases answer (CNB Platform
// API).
//
// Versions are compared in one place, ParseAPI. What a phase asks is a field of an
// API.
//
// go-containerregistry reads references of images as every other client does.
package platform
