// Package bundler reads what a person's Bundler and RubyGems know of indexes of
// gems: mirrors, credentials and how to reach them (Bundler, "bundle config";
// RubyGems, "gem environment").
//
// An index itself is named by the Gemfile of an app, so there is no address to
// find out here. What a build on another machine, or in a sandbox, lacks is where
// that index has a mirror and who may ask it.
//
// Third-party: go.yaml.in/yaml reads the files.
package bundler
