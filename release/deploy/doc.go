// Package deploy is the whole road in one short function: Build opens the
// source, detects, restores, compiles, saves, packs and records, and says each
// step as it goes. Test goes the same way as far as the cache, and then runs the
// app's tests where the app was built, as processes of a slug would run. They may
// write there. What they change in a layer keeps the next build for tests from
// reusing that layer, because it was saved before they ran. Builds for tests have
// an entry of the cache to themselves, as those of any execution environment do.
//
// A slug says how its processes start in three places: the release record, for
// a platform's API; metadata.toml, for slugc; and .release, the file in which
// herokuish and other runners look for what a Procfile does not name. Its lines
// work wherever the slug is unpacked. A .release of the app's own stays.
//
// The app may be a directory of the source (Request.Subdir). All of the source is
// copied, built in and packed; what an app says about itself is read there: Procfile,
// app.json, project.toml, whose include and exclude are about its files alone, and
// .buildpacks. Of .slugignore and .launchignore those at the top of the source count as
// well. Processes start there. A slug has at its top, where runners look, slugc's files
// in place of the source's own Procfile, .release, .profile and .profile.d, which are
// of another app or of none: a profile script that makes the directory HOME and sources
// what classic buildpacks left in it, and for each process type a script that goes there
// and becomes the process, .slugc/start/TYPE. The lines of Procfile and .release start
// those, because herokuish has bash look at a line twice, in which no "cd X && Y"
// survives. The release record has such lines, for Heroku.
//
// The buildpacks of an operator's system.toml stand around all that an app and
// project.toml name, and that of the Procfile behind them: what a Procfile says
// stands above everybody.
//
// What an app says about itself is anybody's word. Its files name buildpacks that
// lie in it, in its repository or elsewhere in the world, but none of this
// machine; the person who builds may name any. A secret that a build leaves in
// what it made ends the build, and clears what it left here.
//
// The files are its nouns: the workplace (an opened source with the site on
// which it is built), the buildpacks that were chosen, the walked tree, the
// trial that tests an app, the forms of artifacts (slug, image) and the bundle
// of their jobs. The voice is told what happens; it is the only thing here that
// a person sees.
//
// go.yaml.in/yaml/v3 writes the output of bin/release with the quotes that YAML needs.
// BurntSushi/toml writes what an earlier image says of its layers, and go-containerregistry
// reads names of images. x/sync/errgroup looks for secrets in several files at once.
package deploy
