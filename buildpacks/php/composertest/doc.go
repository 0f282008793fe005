// Package composertest serves packages of Composer for tests: those that Debian has,
// packed as Composer's again, and some of the tests' own. What people's lock files
// name is real then, Slim, Twig, Symfony and Laravel included, where no public index
// of packages can be reached.
//
// A lock file has the address of each package in it, which a test's server does not
// know before it starts. So packages have addresses at the host Host, and the server
// is also a proxy, by which Composer alone reaches that host: of the variables for
// proxies, CGI_HTTP_PROXY is one that it reads and hardly anything else.
package composertest
