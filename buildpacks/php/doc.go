// Package php is the buildpack slugc/php: it installs PHP with a web server and the
// packages of an app, and says how the app starts (CNB Buildpack API 0.10, written on
// libcnb).
//
// The build in one line: readApp checks what the author wrote and refuses it before
// anything is downloaded; PHP with the extensions that the app and its packages
// require comes through runtime, and so do the servers that the Procfile starts;
// Composer installs the packages of the lock file; Laravel and Symfony make what they
// would make for the first visitor; processes says how the app starts.
//
// The layers:
//
//	php            PHP, with its extensions (build, cache, launch)
//	composer       Composer (build, cache)
//	composer-cache packages as they came (cache)
//	made           what Composer, scripts and frameworks made of which app (cache)
//	nginx, apache  the servers that are needed (cache, launch)
//	servers        heroku-php-nginx and heroku-php-apache2, see the package launch (cache, launch)
//	settings       variables for processes, and what they are told at their start (cache, launch)
//	catalog        which versions the registries gave for which wishes (cache)
//
// Decisions:
//
//   - Packages are files of the app, in vendor, and not a layer that the app has a
//     link to: Composer's autoloader finds the app by where it lies itself, and PHP
//     follows links. What is made is kept in a cache layer and copied back for the same
//     source. For another source with the same lock file the packages are copied back
//     and Composer runs again, since its class map has the app's own classes, and
//     scripts may read all of the app. So the result depends on nothing but the source.
//   - Composer runs once, as on the author's machine, so that scripts and plugins see
//     what they expect. Plugins run when composer.json allows them.
//   - Which PHP and which extensions are needed is known before it: slugc reads
//     Composer's constraints itself (parseConstraint), and the table in buildpack.toml
//     says which package of Debian has which extension. Drivers of databases and what
//     most apps use come without being asked for, as they do elsewhere.
//   - A lock file is out of step when its content-hash is another than Composer would
//     write, which is a checksum over JSON as PHP writes it (phpValue).
//   - Composer and PHP are Debian's: signed, and one line of PHP for each stack.
//   - What the packages were called after, and times that tools note, are the same in
//     each build: the autoloader's suffix, SOURCE_DATE_EPOCH.
//   - Laravel's configuration is not cached, nor are routes that read it: it comes from
//     the environment of a process, which a build does not have.
//   - Credentials are for Composer alone, in a home directory that ends with the build;
//     programs of the app that slugc starts itself do not see them.
//
// Third-party: libcnb holds the vocabulary of a buildpack, BurntSushi/toml reads
// buildpack.toml.
package php
