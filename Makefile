# make help says what there is.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
# The steps of a target run in the order in which they are written.
.NOTPARALLEL:

export CGO_ENABLED := 0

out := out
embedded := cmd/slugc/embedded
platforms := linux-amd64 linux-arm64

# Evaluated when used, because `make deps` may have to install git first.
version = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
go_build := go build -trimpath -buildvcs=false
stamp = -s -w -X main.version=$(version) \
	-X main.debianMirror=$(call apt_mirror,debian) -X main.securityMirror=$(call apt_mirror,debian-security) \
	-X main.goProxy=$(go_proxy) -X main.goSumDB=$(go_sumdb)

# Where the apt of this machine has an archive of Debian from, for machines
# without apt. An address with a password is nobody else's business.
apt_mirror = $(shell apt-get indextargets --format '$$(COMPONENT) $$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | \
	awk '$$1 == "main" && $$2 !~ /@/ && $$2 ~ "/$(1)/?$$" {sub("/$$", "", $$2); print $$2; exit}')

# Where the go command of this machine has modules from, and the checksum
# database that it knows, NAME+HASH+KEY, for machines without Go. A go command
# that keeps its key elsewhere leaves that empty; slugc then asks for GOSUMDB.
go_proxy = $(shell go env GOPROXY 2>/dev/null | sed -E 's/(^|[,|])[^,|]*@[^,|]*//g; s/^[,|]//')
go_sumdb = $(shell grep -ohE '"[^"+]+\+[0-9a-f]{8}\+[^"]+"' "$$(go env GOROOT)/src/cmd/go/internal/modfetch/key.go" 2>/dev/null | \
	tr -d '"' | head -n 1)

.PHONY: all build launcher bridge slugc buildpack lifecycle builder release deps tools vet lint unit acceptance test bench demo clean help

all: build

build: slugc ## Build out/slugc, out/launcher and the other binaries

# A program that slugc carries for each platform, to put it into what it makes.
# It has no version of its own: a new slugc must not change layers. It stays
# small, since each thing that is made carries it too. $(call embed,NAME,MiB)
define embed
	@mkdir -p $(out) $(embedded)
	@for platform in $(platforms); do \
	  GOOS=$${platform%-*} GOARCH=$${platform#*-} $(go_build) -ldflags "-s -w" -o $(out)/$(1)-$$platform ./cmd/$(1); \
	  gzip -n -9 <$(out)/$(1)-$$platform >$(embedded)/$(1)-$$platform.gz; \
	done
	@big=$$(find $(out) -maxdepth 1 -name '$(1)-*' -size +$(2)M); \
	  if [ -n "$$big" ]; then echo " !     Larger than $(2) MiB: $$big" >&2; exit 1; fi
endef

# The launcher starts the processes of an image.
launcher:
	$(call embed,launcher,4)
	@cp $(out)/launcher-linux-$$(go env GOARCH) $(out)/launcher

# The bridge is bin/detect and bin/build of a classic buildpack in a package.
bridge:
	$(call embed,bridge,8)

slugc: launcher bridge buildpack lifecycle
	@$(go_build) -ldflags "$(stamp)" -o $(out)/slugc ./cmd/slugc

# bin/detect and bin/build of the builtin buildpacks in packages and builders.
buildpack:
	$(call embed,buildpack,16)

# The phases of the lifecycle, which are one program, and the launcher beside them:
# for this machine in out/lifecycle, and for each platform as the archive that pack
# takes into a builder. The same sources are the same archive.
phases := analyzer builder creator detector exporter extender rebaser restorer
lifecycle: launcher
	@for platform in $(platforms); do \
	  dir=$(out)/lifecycle-$$platform && rm -rf $$dir && mkdir -p $$dir/lifecycle && cp cmd/lifecycle/lifecycle.toml $$dir/ && \
	  cp $(out)/launcher-$$platform $$dir/lifecycle/launcher && \
	  GOOS=$${platform%-*} GOARCH=$${platform#*-} $(go_build) -ldflags "-s -w" -o $$dir/lifecycle/lifecycle ./cmd/lifecycle && \
	  for phase in $(phases); do ln -s lifecycle $$dir/lifecycle/$$phase; done && \
	  tar -C $$dir --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime=@315532801 --mode=u=rwX,go=rX -cf - lifecycle.toml lifecycle | \
	    gzip -n -9 >$$dir.tgz; \
	  cp $$dir.tgz $(embedded)/lifecycle-$$platform.gz; \
	done
	@rm -rf $(out)/lifecycle && cp -R $(out)/lifecycle-linux-$$(go env GOARCH)/lifecycle $(out)/lifecycle && cp cmd/lifecycle/lifecycle.toml $(out)/lifecycle/
	@big=$$(find $(out)/lifecycle-*/lifecycle/lifecycle -size +14M); \
	  if [ -n "$$big" ]; then echo " !     Larger than 14 MiB: $$big" >&2; exit 1; fi

# What people download. The same sources are the same bytes, wherever they are built
# with the same Go and the same registries.
release: build ## Make the binaries for all platforms in out/release, with checksums and bills of materials
	@rm -rf $(out)/release && mkdir -p $(out)/release
	@for platform in $(platforms); do \
	  GOOS=$${platform%-*} GOARCH=$${platform#*-} $(go_build) -ldflags "$(stamp)" -o $(out)/release/slugc-$$platform ./cmd/slugc; \
	done
	@go run ./cmd/internal/bill $(addprefix $(out)/release/slugc-,$(platforms))
	@cd $(out)/release && sha256sum slugc-* >SHA256SUMS && cat SHA256SUMS

# What the images of make builder run on, with commas between, and the name that
# platforms will find the run image by.
ARCHS ?= $(shell go env GOARCH)
RUN_IMAGE ?= localhost/slugc-run:13
builder: slugc ## Make slugc's builder, its run image and a lifecycle image as OCI layouts in out/
	@for variant in run build; do \
	  $(out)/slugc stack create slugc-13 --variant $$variant --arch $(ARCHS) -o oci:$(out)/stack-$$variant; \
	done
	@sed 's#RUN_IMAGE#$(RUN_IMAGE)#' buildpacks/builtin/builder.toml >$(out)/builder.toml
	@targets=$$(sed -E 's#(^|,)#\1--target linux/#g; s#,# #g' <<<"$(ARCHS)"); \
	  $(out)/slugc builder create oci:$(out)/builder -c $(out)/builder.toml --offline $$targets; \
	  $(out)/slugc builder lifecycle oci:$(out)/lifecycle-image --base oci:$(out)/stack-run $$targets

deps: ## Install what the tests need and is missing (Debian, as root)
	@.ci/deps

# A scanner that knows nothing of slugc says which packages it sees in an image.
scanner := github.com/google/osv-scalibr/binary/scalibr@v0.3.6

# The reference platform and lifecycle, which slugc is compared with. Each is
# built where its module lies, by its own go.mod: one replaces modules, and the
# checksum database may not have the other.
reference_pack := github.com/buildpacks/pack
reference_pack_version := 0.40.0
reference_lifecycle := github.com/buildpacks/lifecycle
reference_lifecycle_version := 0.21.0
module_dir = $$(cd / && GOFLAGS= GONOSUMDB=$(reference_lifecycle) go mod download -json $(1)@v$(2) | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
# What CI services take: a program that checks files by JSON schemas and has
# those of some, and the schema of a Tekton task.
jsonschema := check-jsonschema==0.39.0
tekton := github.com/tektoncd/pipeline
tekton_version := 1.6.0

# The Debian whose Docker has the containerd image store.
newer_debian := trixie

reference_build = GOFLAGS= GOWORK=off go build -C "$$dir" -mod=readonly -buildvcs=false -trimpath

tools: ## Build the foreign tools that the tests need
	@[ -x $(out)/tools/scalibr ] || GOFLAGS= GOBIN=$(abspath $(out))/tools go install $(scanner)
	@[ -x $(out)/tools/pack ] || { dir=$(call module_dir,$(reference_pack),$(reference_pack_version)) && \
	  $(reference_build) -ldflags "-s -w -X $(reference_pack)/pkg/client.Version=$(reference_pack_version)" -o $(abspath $(out))/tools/pack .; }
	@[ -x $(out)/tools/jsonschema/bin/check-jsonschema ] || { python3 -m venv $(out)/tools/jsonschema && \
	  $(out)/tools/jsonschema/bin/pip install --quiet --disable-pip-version-check $(jsonschema); }
	@[ "$$(id -u)" -ne 0 ] || [ -d $(out)/tools/docker ] || { \
	  rm -rf $(out)/tools/docker.new && mmdebstrap --quiet --variant=extract --include=docker.io,dash,mount --aptopt='APT::Install-Recommends "false"' \
	    --setup-hook='for dir in bin sbin lib lib64; do mkdir -p "$$1/usr/$$dir" && ln -s usr/$$dir "$$1/$$dir"; done; cd "$$1" && mkdir -p proc sys dev run tmp etc/docker' \
	    $(newer_debian) $(out)/tools/docker.new $(call apt_mirror,debian) && mv $(out)/tools/docker.new $(out)/tools/docker; }
	@[ -f $(out)/tools/tekton-task.yaml ] || { dir=$(call module_dir,$(tekton),$(tekton_version)) && \
	  install -m 644 "$$dir/config/300-crds/300-task.yaml" $(out)/tools/tekton-task.yaml; }
	@for program in launcher lifecycle; do \
	  [ -x $(out)/tools/lifecycle/$$program ] || { dir=$(call module_dir,$(reference_lifecycle),$(reference_lifecycle_version)) && \
	  $(reference_build) -ldflags "-s -w -X $(reference_lifecycle)/cmd.Version=$(reference_lifecycle_version)" -o $(abspath $(out))/tools/lifecycle/$$program ./cmd/$$program; }; \
	done

vet:
	@go vet -tags acceptance,bench ./...

lint: ## Check style, the dependency walls and registry host names
	@.ci/lint

# Unpacking and removing thousands of files is much faster on tmpfs, where there
# is one with room (KiB), and what is synced there costs nothing.
scratch = $$(df -k --output=avail,target /dev/shm 2>/dev/null | awk 'NR==2 && $$1 > 6000000 {print $$2}')

# What takes more than a few seconds is an acceptance test: this is run often.
unit: ## Run the tests that need neither network nor privileges
	@export TMPDIR="$(scratch)"; TMPDIR=$${TMPDIR:-/tmp} go test ./...

# The tests of unit are among them. Those of the command take as long as all others
# together, and some of them wait for a registry that is silent or for a disk: each
# kind is a run of its own, all begin at once, and each prints what it has as soon
# as it has it. The linter has all that vet looks at.
waiting = ^Test(RegistryFaults|Story)$$
go_acceptance = go test -tags acceptance -vet off -timeout 80m
acceptance: build tools ## Run all tests, those that need the network, root or time too
	@export TMPDIR="$(scratch)"; export TMPDIR=$${TMPDIR:-/tmp}; failed=0; \
	$(go_acceptance) -parallel 3 -skip '$(waiting)' ./cmd/slugc & command=$$!; \
	$(go_acceptance) -parallel 3 -p 1 $$(go list ./... | grep -v '/cmd/slugc$$') & others=$$!; \
	$(go_acceptance) -parallel 4 -run '$(waiting)' ./cmd/slugc || failed=1; \
	wait $$others || failed=1; wait $$command || failed=1; exit $$failed

test: deps build lint acceptance ## Do everything that has to pass
	@echo "-----> All passed"

bench: build tools ## Measure builds from end to end
	@export TMPDIR="$(scratch)"; TMPDIR=$${TMPDIR:-/tmp} go test -run '^$$' -bench '^Benchmark(Limit|Pack)$$' -count 3 ./build/pack
	go test -tags bench -run TestBench -v -timeout 60m ./cmd/slugc

demo: build ## Build an example app, run it, and show what came out
	@./testdata/demo.sh

clean: ## Remove what make made
	rm -rf $(out) $(embedded)/*.gz

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
