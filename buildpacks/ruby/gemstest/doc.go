// Package gemstest serves an index of gems for tests: the gems that Debian has
// as packages, packed as gems again, and some of its own. Bundler reads it as it
// reads any index (the compact index of RubyGems: versions, info/NAME, and the
// gems). What people's lock files name is real then, Rack, Sinatra, Puma and
// Unicorn included, where no public index of gems can be reached.
//
// Extensions of Debian's gems are compiled already, for the Ruby of Debian 13;
// Native is a gem that is compiled when it is installed.
package gemstest
