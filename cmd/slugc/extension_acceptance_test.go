//go:build acceptance

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/dockertest"
)

// TestPackExtensions has the real pack build with a builder that has an image
// extension, which changes both the image that builds and the one that runs: to a
// registry, and to a daemon.
func TestPackExtensions(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a Docker daemon needs root")
	}
	d, r, s := dockertest.Start(t), newImageRegistry(t), newSlugc(t)
	s.write("home/config.toml", "experimental = true\n")
	pack := func(args ...string) string {
		t.Helper()
		_, out := runPackWith(t, []string{
			"DOCKER_HOST=" + d.Host, "DOCKER_API_VERSION=" + d.APIVersion, "PACK_VOLUME_KEY=test", "PACK_HOME=" + s.path("home"),
		}, args...)
		return out
	}
	s.must("stack", "create", "slugc-13", "-o", "docker://"+r.host+"/run:1")
	archive, err := filepath.Abs("../../out/lifecycle-linux-amd64.tgz")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"app/app.txt":        "app",
		"ext/extension.toml": "api = \"0.10\"\n[extension]\nid = \"test/tool\"\nversion = \"1.0.0\"\nname = \"Tool\"\n",
		"ext/bin/detect":     "#!/bin/sh\nprintf '[[provides]]\\nname = \"tool\"\\n' >> \"$CNB_BUILD_PLAN_PATH\"\n",
		"bp/buildpack.toml":  "api = \"0.10\"\n[buildpack]\nid = \"test/user\"\nversion = \"1.0.0\"\nname = \"User\"\n[[targets]]\nos = \"linux\"\n",
		"bp/bin/detect":      "#!/bin/sh\nprintf '[[requires]]\\nname = \"tool\"\\n' >> \"$CNB_BUILD_PLAN_PATH\"\n",
		"bp/bin/build":       "#!/bin/sh\nset -e\ntool\necho \"as $(id -u), plan $(cat \"$CNB_BP_PLAN_PATH\")\"\nprintf '[[processes]]\\ntype = \"web\"\\ncommand = [\"greet\"]\\ndefault = true\\n' > \"$CNB_LAYERS_DIR/launch.toml\"\n",
		"ext/bin/generate":   toolGenerator,
		"builder.toml":       fmt.Sprintf("[[buildpacks]]\nuri = \"bp\"\n[[extensions]]\nid = \"test/tool\"\nversion = \"1.0.0\"\nuri = \"ext\"\n[[order]]\n[[order.group]]\nid = \"test/user\"\nversion = \"1.0.0\"\n[[order-extensions]]\n[[order-extensions.group]]\nid = \"test/tool\"\nversion = \"1.0.0\"\n[lifecycle]\nuri = %q\n[build]\nimage = %q\n[[run.images]]\nimage = %q\n", archive, r.host+"/run:1", r.host+"/run:1"),
	} {
		s.write(name, text)
		if strings.Contains(name, "/bin/") {
			if err := os.Chmod(s.path(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	builder := r.host + "/builder:1"
	pack("builder", "create", builder, "--config", s.path("builder.toml"), "--publish")
	d.Pull(builder)
	// pack runs the extender in what the daemon has by that name, and does not ask
	// whether it has something.
	d.Pull(r.host + "/run:1")
	s.must("builder", "lifecycle", r.host+"/lifecycle:1", "--base", r.host+"/run:1")
	d.Pull(r.host + "/lifecycle:1")
	build := func(image string, args ...string) string {
		t.Helper()
		return pack(append([]string{
			"build", r.host + "/" + image, "--path", s.path("app"), "--builder", builder, "--network", "host", "--pull-policy", "always",
			"--trust-builder=false", "--lifecycle-image", r.host + "/lifecycle:1",
		}, args...)...)
	}

	out := build("published", "--publish")
	contains(t, out, "[extender (build)] making the tool as 0, set by argument", "[extender (build)] the tool works", "[extender (build)] as 1000, plan ",
		"[extender (run)] extending the run image")
	if strings.Contains(out, "name = \"tool\"") {
		t.Errorf("the buildpack was asked for what an extension provides:\n%s", out)
	}
	d.Pull(r.host + "/published")
	greeting := "Hello from the context, as 1000\n"
	run := func(image string) string {
		return d.Run(dockertest.Container{Image: r.host + "/" + image, Env: []string{"HOME=/workspace"}})
	}
	if got := run("published"); got != greeting {
		t.Errorf("the default process: got %q, want %q", got, greeting)
	}
	if got := d.Run(dockertest.Container{Image: r.host + "/published", Entrypoint: []string{"/bin/sh", "-c"},
		Cmd: []string{"stat -c '%U %G %a' /usr/local/bin/greet /opt/deep /tmp; ls /etc/debian_version /opt/tools 2>&1; echo $GREETER; pwd"}}); got !=
		"root root 755\nroot root 750\nroot root 1777\nls: cannot access '/etc/debian_version': No such file or directory\nls: cannot access '/opt/tools': No such file or directory\nextension\n/workspace\n" {
		t.Errorf("files of the image: %s", got)
	}
	var created []string
	config := r.config(r.image("published"))
	for _, h := range config.History {
		if strings.Contains(h.CreatedBy, "extension") {
			created = append(created, h.CreatedBy)
		}
	}
	if diff := cmp.Diff([]string{
		"Layer: 'RUN echo extending the run image && mkdir -m 750 /opt/deep && rm /etc/debian_version', Created by extension: test/tool",
		"Layer: 'COPY --chmod=755 greet /usr/local/bin/', Created by extension: test/tool",
	}, created); diff != "" {
		t.Errorf("history (-expected +got):\n%s", diff)
	}
	if got := config.Config.Labels["io.buildpacks.rebasable"]; got != "true" {
		t.Errorf("io.buildpacks.rebasable is %q", got)
	}
	contains(t, config.Config.Labels["io.buildpacks.build.metadata"], `"extensions":[{"id":"test/tool","version":"1.0.0"}]`)

	// A rebase exchanges what is below the layers of the extension.
	base := r.diffIDs(r.image("run:1"))
	contains(t, config.Config.Labels["io.buildpacks.lifecycle.metadata"], `"topLayer":"`+base[len(base)-1]+`"`)

	first := r.digest("published")
	out = build("published", "--publish")
	if contains(t, out, "[extender (build)] the tool works"); strings.Contains(out, "making the tool") || strings.Contains(out, "extending the run image") {
		t.Errorf("what is known is done again:\n%s", out)
	}
	if second := r.digest("published"); second != first {
		t.Errorf("the second image is another: %s, the first is %s", second, first)
	}

	build("loaded", "--docker-host", "inherit")
	if got := run("loaded"); got != greeting {
		t.Errorf("the default process of an image in the daemon: got %q, want %q", got, greeting)
	}
}

// toolGenerator is a bin/generate for both images, with arguments and a context.
const toolGenerator = `#!/bin/sh
set -e
cd "$CNB_OUTPUT_DIR"
cat > build.Dockerfile <<'END'
ARG base_image
FROM ${base_image}

USER root
ARG value=unset
ENV PATH=/opt/tools:${PATH} VALUE="${value} by argument"
RUN echo "making the tool as $(id -u), $VALUE" && mkdir /opt/tools && \
  # a comment
  printf '#!/bin/sh\necho the tool works\n' > /opt/tools/tool && \
  chmod 755 /opt/tools/tool
ARG user_id=1
ARG group_id=1
USER ${user_id}:${group_id}
END
cat > run.Dockerfile <<'END'
ARG base_image
FROM ${base_image}
USER root
RUN echo extending the run image && mkdir -m 750 /opt/deep && rm /etc/debian_version
COPY --chmod=755 greet /usr/local/bin/
ENV GREETER=extension
LABEL io.buildpacks.rebasable=true
ARG user_id
USER ${user_id}
END
printf '[[build.args]]\nname = "value"\nvalue = "set"\n' > extend-config.toml
mkdir context.run
printf '#!/bin/sh\necho "Hello from the context, as $(id -u)"\n' > context.run/greet
`
