// Package artifact holds the nouns of packing: the finished Tree, the Segment
// that one part of it becomes, and the Artifact that is made of segments. It
// has no verbs.
package artifact
