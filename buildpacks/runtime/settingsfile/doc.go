// Package settingsfile reads the files in which people tell the clients of registries
// how to reach them: .npmrc, pip.conf, settings.xml.
package settingsfile
