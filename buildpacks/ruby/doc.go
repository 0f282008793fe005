// Package ruby is the buildpack slugc/ruby: it installs Ruby and the gems of an
// app, and says how the app starts (CNB Buildpack API 0.10, written on libcnb).
//
// The build in one line: readApp checks what the author wrote and refuses it
// before anything is downloaded; a Ruby with Bundler comes through runtime;
// Bundler brings the gems of the lock file into a layer; rake precompiles assets;
// processes says how the app starts.
//
// The layers:
//
//	ruby         the interpreter, Bundler, headers, the launch environment (build, cache, launch)
//	gems         the gems, as Bundler installs them, and what processes load with them (build, cache, launch)
//	gem-cache    gems as they came, and what was compiled of them (cache)
//	assets       what rake assets:precompile made of which app (cache)
//	assets-cache what it keeps between its runs, tmp/cache/assets (cache)
//	catalog      which versions the registries gave for which wishes (cache)
//
// Decisions:
//
//   - Bundler installs, frozen: it is the only program that reads every Gemfile,
//     which is a program too. What can be seen without running it is checked before
//     anything is downloaded: the lock file is read by slugc (readLock), and of
//     the Gemfile the lines that every author writes alike.
//   - Bundler is Debian's, as Ruby is: signed, and of one version with it. The
//     version in a lock file is that of the machine that made it; Bundler would
//     install that one from the index and start again, for the same gems.
//   - The gems layer is always made anew, from a cache that has each gem and each
//     compiled extension (BUNDLE_GLOBAL_GEM_CACHE). So it depends on nothing but the
//     lock file, and one more gem is one more download.
//   - What lands in the layer has no times and no logs: the records of compilers, the
//     packages themselves, .git of gems from git. Debugging information of extensions
//     is stripped, where the stack has the program for it.
//   - Debian's Ruby does not find its standard library in another directory, so
//     RUBYLIB names that. It would stand before newer gems of the same name; a file
//     that RUBYOPT loads moves it behind them (launch/load_path.rb).
//   - A lock file that was made on another system is made to fit when the gems are the
//     same on all: line ends, and the platform. A gem that is another one here is an
//     error with the command that adds it.
//   - A vendor/bundle of another machine is refused; vendor/cache, which holds gems
//     as they came, takes the place of every index.
//   - SECRET_KEY_BASE is nobody's but the app's configuration: in a layer all who have
//     the image would have it. The build runs with a dummy, and processes that find
//     none get one for themselves, with a warning how to set it.
//   - What is new of assets is kept with a checksum over the app, so an app that did
//     not change is not started for them. What Sprockets names by chance or dates, and
//     what Rails notes when it is loaded, is taken out, so that two builds are the same.
//   - Assets are precompiled without a database: the app finds an address where nobody
//     listens, since most read it when they are loaded and do not connect.
//   - A gem that runs JavaScript asks for Node.js in the build plan ("node"), which
//     slugc/nodejs-assets provides. Node.js is in what starts only where a gem runs
//     JavaScript there. ExecJS looks for something that does as soon as it is loaded;
//     where it would have nothing to do it is told that there is none.
//   - On Ruby 3.3 and 3.4 Puma may end with an error, or not at all, when it is told to
//     stop: the handler of the signal writes to a pipe that a thread closes meanwhile,
//     and Ruby does not wake that thread; a few lines without Puma do the same. Where
//     Puma is, Ruby loads launch/puma_stop.rb, which has a thread write.
//
// Third-party: libcnb holds the vocabulary of a buildpack, BurntSushi/toml reads
// buildpack.toml, go.yaml.in/yaml Bundler's settings.
package ruby
