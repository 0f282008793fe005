package classic

import (
	"context"
	"encoding/json"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// maxReport bounds what bin/report prints, in bytes.
const maxReport = 1 << 20

// report runs bin/report and returns what it says. A buildpack need not have
// one, and one that fails or makes no sense has nothing to say: it is for
// programs that watch builds and must not spoil one (Heroku Buildpack API,
// "bin/report").
func (b *Buildpack) report(ctx context.Context, p *place, env launch.Env) buildpacks.Report {
	if !b.has(reportScript) {
		return nil
	}
	answer, _, err := b.ask(ctx, p, env, io.Discard, maxReport, reportScript, p.site.AppDir().Path, p.site.Cache.Path, envDir(p.site))
	if err != nil || answer.Cut() {
		return nil
	}
	var report buildpacks.Report
	if err := yaml.Unmarshal(answer.Bytes(), &report); err != nil {
		return nil
	}
	// Programs get it as JSON, which knows less than YAML.
	if _, err := json.Marshal(report); err != nil {
		return nil
	}
	return report
}
