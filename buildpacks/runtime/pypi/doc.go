// Package pypi knows where Python packages come from: the settings of pip and
// uv, and the files that an index has of a package.
//
// It follows pip, so that slugc and the installer that it starts reach the same
// servers with the same credentials: settings are those of pip's environment
// variables and pip.conf files (pip, "Configuration"), those of uv's variables
// and uv.toml where pip has none, and the logins of a netrc file. The documents are
// those of the simple repository API, in JSON where a server has it, else in
// HTML (PEP 691, PEP 503).
//
// Decisions:
//
//   - The address of the index is a setting or, without one, the default that the
//     package-URL type table has for PyPI. No address is written here.
//   - One setting serves all package managers: who has set up pip for a mirror
//     need not set up uv, Poetry, PDM and Pipenv as well.
//   - Credentials stand in addresses, as pip and uv read them. For messages they
//     are taken out.
//
// Third-party: git-pkgs/purl holds the table of default registries;
// BurntSushi/toml reads uv.toml.
package pypi
