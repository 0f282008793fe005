// Package composer reads a person's settings of Composer: credentials, and how
// servers of packages are reached. A build of an app needs these of the machine that
// it runs on, and none of the others, such as where that machine has its packages.
//
// Composer reads them from config.json and auth.json in its home directory, and from
// the variable COMPOSER_AUTH, which stands above both (Composer, "Config" and
// "Authentication for privately hosted packages and repositories").
package composer
