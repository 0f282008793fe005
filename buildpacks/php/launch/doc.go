// Package launch is what an app in PHP starts with: the commands
// heroku-php-nginx and heroku-php-apache2, known from Heroku, which serve a
// directory on PORT with PHP-FPM behind nginx or Apache.
//
// A layer has them in bin, and what they fill in when they start in lib. They
// need a POSIX shell, coreutils, and on PATH php and php-fpm, and nginx or
// apache2. All that they write is in a directory of their own below TMPDIR or
// /tmp, so several may run at once, and the root filesystem may be read-only.
//
// Decisions:
//
//   - On SIGTERM the web server takes no more connections and ends the requests
//     that it has; PHP-FPM ends after it, since requests wait there. After 7
//     seconds nothing is waited for. When one of the two ends by itself, so does
//     the other, and the command fails.
//   - There are as many processes of PHP as WEB_CONCURRENCY says, and otherwise
//     as fit into the memory of the container with PHP's memory_limit each.
//   - What people configure for Heroku works: the options, the names of its
//     upstream and location (heroku-fcgi), configurations that are made by PHP.
//   - Who asks, and whether by https, is what X-Forwarded-For and
//     X-Forwarded-Proto say when the one that says it has a private address, as
//     routers have.
//   - Files of a slug all have the same time of change, so a static file has
//     neither Last-Modified nor ETag.
package launch
