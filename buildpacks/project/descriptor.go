package project

import (
	"slices"
)

// FileName is the name of the file, at the top of an app.
const FileName = "project.toml"

// Descriptor is what a project.toml says.
type Descriptor struct {
	// Schema is the version of the file's schema: "0.1", "0.2" or "0.3".
	Schema string
	// Name, Version, SourceURL and Licenses say what the project is.
	Name, Version, SourceURL string
	Licenses                 []License
	// Builder is the builder image that the app wants to be built with.
	Builder string
	// Group are the buildpacks to build with; without any, detection finds
	// them. Pre and Post go before and after each group in any case.
	Group, Pre, Post []Buildpack
	// BuildEnv are variables for buildpacks.
	BuildEnv []Variable
	// Include and Exclude are gitignore patterns of the app's files. One of
	// them is empty.
	Include, Exclude []string
	// Warnings are sentences about what is ignored.
	Warnings []string
}

// License is one of the project's licenses: its SPDX identifier or where it is.
type License struct {
	Type string `toml:"type"`
	URI  string `toml:"uri"`
}

// Buildpack is a buildpack that the app names: by id, by where it is, or as a
// script.
type Buildpack struct {
	ID, Version string
	// URI is a reference, and a relative path in it is relative to the
	// directory of project.toml.
	URI string
	// Script is nil for a buildpack that is elsewhere.
	Script *Script
	// ExecEnvs are the execution environments it is for; without any it is for
	// all (schema 0.3).
	ExecEnvs []string
}

// Script is a buildpack that is a script in project.toml.
type Script struct {
	// API is the Buildpack API that the script is written for.
	API string
	// Inline is the text, and Shell the interpreter of it, "/bin/sh" by
	// default.
	Inline, Shell string
}

// Variable is a variable for buildpacks.
type Variable struct {
	Name, Value string
	// ExecEnvs are the execution environments it is for; without any it is for
	// all (schema 0.3).
	ExecEnvs []string
}

// For is whether the buildpack takes part in an execution environment.
func (b Buildpack) For(execEnv string) bool { return meant(b.ExecEnvs, execEnv) }

// Env are the variables of an execution environment. Of two with one name the
// later counts.
func (d Descriptor) Env(execEnv string) map[string]string {
	env := map[string]string{}
	for _, v := range d.BuildEnv {
		if meant(v.ExecEnvs, execEnv) {
			env[v.Name] = v.Value
		}
	}
	return env
}

// meant is whether something that is for some environments is for one (CNB
// Buildpack API 0.12, "Execution Environments").
func meant(list []string, execEnv string) bool {
	return len(list) == 0 || slices.Contains(list, execEnv) || slices.Contains(list, "*")
}
