package ruby

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/outcome"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// assetsCache is where Sprockets and its like keep what they made of single files.
const assetsCache = "tmp/cache/assets"

// wantsAssets tells whether an app has assets to precompile, and why not when it
// could be thought so.
func (a app) wantsAssets() (wants bool, why string) {
	for _, pattern := range []string{".sprockets-manifest-*.json", "manifest-*.json", ".manifest.json", "manifest.yml"} {
		if found, err := filepath.Glob(filepath.Join(a.dir, "public", "assets", pattern)); err == nil && len(found) > 0 {
			return false, "they came with the app, in public/assets"
		}
	}
	if a.isRails() {
		for _, gem := range []string{"sprockets-rails", "propshaft", "sprockets", "vite_rails", "webpacker", "shakapacker", "cssbundling-rails", "jsbundling-rails", "importmap-rails"} {
			if a.lock.has(gem) {
				return true, ""
			}
		}
		return false, ""
	}
	if !a.lock.has("rake") {
		return false, ""
	}
	for _, pattern := range []string{"Rakefile", "rakefile", "Rakefile.rb", "rakefile.rb", "lib/tasks/*.rake"} {
		found, err := filepath.Glob(filepath.Join(a.dir, pattern))
		if err != nil {
			return false, ""
		}
		for _, file := range found {
			if text, err := os.ReadFile(file); err == nil && definesAssets.Match(text) {
				return true, ""
			}
		}
	}
	return false, ""
}

// definesAssets is how a Rakefile has the task.
var definesAssets = regexp.MustCompile(`assets:precompile|(?s)namespace\s*\(?\s*[:"']assets\b.*task\s*\(?\s*[:"']?precompile\b`)

// precompile runs rake assets:precompile, or restores what it made of the same
// app.
func (b *build) precompile(ctx context.Context, a app, g bundle) ([]libcnb.Layer, error) {
	wants, why := a.wantsAssets()
	if !wants && why == "" {
		return nil, nil
	}
	b.Print.Step("Precompiling assets")
	if !wants {
		b.Print.Detail("Skipped: %s", why)
		return nil, nil
	}
	o, err := outcome.Open(b.App, b.Layers, b.Scratch, assetsLayer, layout)
	if err != nil {
		return nil, err
	}
	k := &layer.Key{}
	k.Add("gems", g.key)
	for _, name := range sortedKeys(g.env) {
		if name != "HOME" && name != "TMPDIR" && !cnbVariable.MatchString(name) {
			k.Add(name, g.env[name])
		}
	}
	if err := b.AddAround(k); err != nil {
		return nil, err
	}
	inputs := map[string]string{"key": k.Sum()}
	cache, err := layer.Open(b.Layers, sprockets, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	kept, why := o.Keeps(inputs)
	if kept {
		b.Print.Detail("Reusing what they made (the app is unchanged)")
		made, err := o.Apply(inputs)
		layers := []libcnb.Layer{made}
		if cache.There {
			layers = append(layers, cache.Describe(nil, nil))
		}
		return layers, err
	}
	if why == "source changed" || why == "key changed" {
		why = "the app changed"
	}
	b.Print.Detail("bundle exec rake assets:precompile (%s)", why)
	layers, err := b.makeAssets(ctx, a, g, cache)
	if err != nil {
		return nil, err
	}
	made, ok, err := o.Keep(inputs)
	if err != nil {
		return nil, err
	}
	if ok {
		layers = append(layers, made)
	}
	return layers, nil
}

// noSuchTask is what rake says where a gem for assets is locked, because another
// gem needs it, and the app does not load it, as one that is an API alone.
var noSuchTask = regexp.MustCompile(`Don't know how to build task 'assets:precompile'`)

// cnbVariable are variables of the platform, which say nothing of an app.
var cnbVariable = regexp.MustCompile(`^CNB_`)

// makeAssets runs rake with what it kept the last time, and keeps that for the next one.
func (b *build) makeAssets(ctx context.Context, a app, g bundle, cache layer.Slot) ([]libcnb.Layer, error) {
	notes, err := lookAtNotes(b.App)
	if err != nil {
		return nil, err
	}
	place := filepath.Join(b.App, filepath.FromSlash(assetsCache))
	if cache.There {
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return nil, err
		}
		if err := layer.CopyTree(cache.Layer.Path, place, layer.CopyFile, nil); err != nil {
			return nil, err
		}
	}
	if err := b.rake(ctx, a, g); err != nil {
		return nil, err
	}
	var layers []libcnb.Layer
	if _, err := os.Stat(place); err == nil {
		if err := b.Scratch.Discard(cache.Layer.Path); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(cache.Layer.Path), 0o755); err != nil {
			return nil, err
		}
		// It has times, and no process reads it.
		if err := layer.Move(place, cache.Layer.Path); err != nil {
			return nil, err
		}
		layers = append(layers, cache.Describe(nil, nil))
	}
	if err := notes.settle(); err != nil {
		return nil, fmt.Errorf("after rake assets:precompile: %w", err)
	}
	return layers, nil
}

// rake runs the task that precompiles assets.
func (b *build) rake(ctx context.Context, a app, g bundle) error {
	env, err := b.assetsEnv(a, g)
	if err != nil {
		return err
	}
	task := []string{g.ruby, "-S", g.bundler, "exec", "rake", "assets:precompile"}
	start := b.Now()
	lines := b.Print.Writer()
	output := tool.NewTail(lines)
	err = b.Runner.Run(ctx, tool.Command{Args: task, Dir: b.App, Env: env, Output: output})
	lines.Flush()
	if err == nil {
		b.Print.Detail("Precompiled in %s", report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
		return nil
	}
	if _, byItself := failure.Ended(err); byItself && a.isRails() && noSuchTask.MatchString(output.Text()) {
		b.Print.Detail("Skipped: the app does not load what has the task")
		return nil
	}
	return failure.Explain(failure.Failure{
		What: "rake assets:precompile failed", Err: err, Output: output,
		Unknown: "see it fail on your machine:\n  RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bundle exec rake assets:precompile\n" +
			"what the app wants from the environment, the build needs too:\n  slugc build -e NAME=VALUE",
	}, slices.Concat(a.assetsCauses(b.Env), failure.Common(), rakeSays()))
}

// assetsEnv is the environment of what precompiles assets: that of the app in
// production, with what it has to find but does not use.
func (b *build) assetsEnv(a app, g bundle) (map[string]string, error) {
	env := maps.Clone(g.env)
	home, err := b.Scratch.Home(env["HOME"])
	if err != nil {
		return nil, err
	}
	env["HOME"] = home
	if env["SECRET_KEY_BASE"] == "" {
		// It signs nothing that anybody will see.
		env["SECRET_KEY_BASE"], env["SECRET_KEY_BASE_DUMMY"] = "precompile_placeholder_precompile_placeholder", "1"
	}
	if env["DATABASE_URL"] == "" {
		if address := a.noDatabase(); address != "" {
			env["DATABASE_URL"] = address
		}
	}
	a.javaScriptEnv(env)
	if env["DISABLE_BOOTSNAP"] == "" {
		// Its cache knows files by their times, which are others where the app starts.
		env["DISABLE_BOOTSNAP"] = "1"
	}
	return env, nil
}

// assetsCauses are the known reasons for which assets are not precompiled, the
// surest first. Env is the environment of the build.
func (a app) assetsCauses(env map[string]string) []failure.Cause {
	causes := []failure.Cause{
		{
			Pattern: regexp.MustCompile(`(?m)KeyError: key not found: "([A-Z][A-Z0-9_]*)"|key not found: "([A-Z][A-Z0-9_]*)" \(KeyError\)`), Fault: download.App,
			Why: "the app wants a variable also during the build. Give it one, or a default in the code:\n  slugc build -e $1=for-the-build",
		},
		{
			Pattern: regexp.MustCompile(`Missing encryption key to decrypt file|EncryptedFile::MissingKeyError`), Fault: download.App,
			Why: "the app reads its credentials when it is loaded, and the build has no key for them. Give it the key, which it keeps to itself:\n" +
				"  slugc build --secret " + masterKey + "=\"$(cat config/master.key)\"",
		},
		{
			Pattern: regexp.MustCompile(`MessageEncryptor::InvalidMessage|EncryptedFile::InvalidKeyLengthError|OpenSSL::Cipher::CipherError`), Fault: download.App,
			Why: masterKey + " is not the key that " + sealedFile + " was written with. Give the build that one:\n  slugc build --secret " + masterKey + "=\"$(cat config/master.key)\"",
		},
		{
			Pattern: regexp.MustCompile(`ExecJS::RuntimeUnavailable|Could not find a JavaScript runtime`), Fault: download.App,
			Why: "a gem wants a JavaScript runtime to precompile assets. Build with Node.js before Ruby:\n  slugc build -b slugc/nodejs-assets -b slugc/ruby",
		},
		{
			Pattern: regexp.MustCompile(`(?m)Don't know how to build task '([^']+)'`), Fault: download.App,
			Why: "there is no task $1 in what rake loads. See which there are:\n  bundle exec rake -P",
		},
		{
			Pattern: regexp.MustCompile(`No Rakefile found`), Fault: download.App,
			Why: "there is no Rakefile, from which rake knows its tasks. That of Rails is two lines:\n  echo 'require_relative \"config/application\"' > Rakefile\n" +
				"  echo 'Rails.application.load_tasks' >> Rakefile\n  git add Rakefile",
		},
		{
			Pattern: regexp.MustCompile(`(?m)cannot load such file -- (\S+)`), Fault: download.App,
			Why: "the file $1 is in no gem that is installed: it may be one of the group development or test. Move its gem out of that group, lock again, and commit that",
		},
		{
			Pattern: regexp.MustCompile(`ActiveRecord::(?:ConnectionNotEstablished|DatabaseConnectionError|NoDatabaseError|StatementInvalid)|PG::ConnectionBad|Mysql2::Error::ConnectionError|Trilogy::\w*Error|could not connect to server|connection to server at`), Fault: download.App,
			Why: "the app asks its database when it is loaded, and a build has none. Ask it when the answer is first needed:\n" +
				"what is in the body of a class, in config/initializers or in config/routes.rb belongs into a method.\nWhere it cannot wait, give the build a database:\n  slugc build -e DATABASE_URL=ADDRESS",
		},
		{
			Pattern: regexp.MustCompile(`ActiveRecord::AdapterNotSpecified|Cannot load database configuration|(?s)database configuration.{0,80}does not specify adapter`), Fault: download.App,
			Why: "config/database.yml says nothing of production, or is not there. Let it take what the platform says:\n  production:\n    url: <%= ENV[\"DATABASE_URL\"] %>\nand commit it:\n  git add -f config/database.yml",
		},
	}
	if a.exists(sealedFile) && !a.hasKey(env) {
		causes = append(causes, failure.Cause{
			Pattern: regexp.MustCompile(`undefined method [\x60']\S+ for nil`), Fault: download.App,
			Why: "the build has no key for " + sealedFile + ", so all that the app reads there is nil. If it does when it is loaded, give the build the key:\n" +
				"  slugc build --secret " + masterKey + "=\"$(cat config/master.key)\"",
		})
	}
	return causes
}

// rakeSays is what rake says of an error that is not known. Where that comes from
// follows, in more lines than are printed again.
func rakeSays() []failure.Cause {
	return []failure.Cause{{
		Pattern: regexp.MustCompile(`rake aborted!\n\s*([^\n]+)`), Fault: download.App,
		Why: "rake says: $1\nsee it fail on your machine:\n  RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bundle exec rake assets:precompile",
	}}
}
