// Package static is the buildpack slugc/static: it serves a directory of the app
// with nginx on $PORT (CNB Buildpack API 0.10, written on libcnb).
//
// The build in one line: readSite reads what the author wrote; language.Install
// brings nginx from Debian; config writes nginx.conf, which nginx checks; the
// process web fills in what is known only when it starts.
//
// The layers:
//
//	nginx    the web server (build, cache, launch)
//	site     nginx.conf without port and the like, and the program that starts
//	         it (cache, launch)
//	catalog  what Debian's archive has (cache)
//
// What an author writes, the first that is there:
//
//	static.json    Heroku's: root, clean_urls, routes, redirects, headers, proxies, ...
//	Staticfile     Cloud Foundry's: root, pushstate, directory, force_https, ...
//	project.toml   the table com.heroku.static-web-server
//	BP_WEB_SERVER* Paketo's variables, which stand above the files
//
// or nothing: then a directory with an index.html is served. Another buildpack
// that builds a site requires "static" in the build plan, with the metadata root,
// a directory, and fallback, whether its page answers for every path.
//
// Decisions:
//
//   - A provider stands before who requires it, so this buildpack stands before
//     that of the language that builds the site, and the directory need not be
//     there yet: that it is missing is then said when the site starts.
//   - Files have one time of change in every slug and image, so it says nothing of
//     their content: there is neither Last-Modified nor ETag. Pages are asked for
//     each time, files with a checksum in their name are kept for a year.
//   - Headers are looked up by the path of the request in maps of nginx, one for
//     each name; the longest pattern wins. So they add up, which add_header in
//     several places of nginx.conf does not.
//   - nginx.conf is filled in by a shell script without other programs than those
//     of coreutils: the run image has little else. What a variable holds is
//     refused when it could mean more to nginx than a value.
//   - SIGTERM lets requests end: nginx does so on SIGQUIT.
//
// Third-party: libcnb holds the vocabulary of a buildpack.
package static
