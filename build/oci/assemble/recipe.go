package assemble

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Recipe says what goes into an image.
type Recipe struct {
	// Base is what the image stands on; see oci.Opener and oci.Scratch.
	Base oci.Base
	// Tree is the finished build.
	Tree artifact.Tree
	// Launcher is the program that starts the processes.
	Launcher Launcher
	// Process is the process type to start by default. When it is empty, it
	// is the one that the tree names, if any.
	Process string
	// AppIndex is the entries of the app directory, for a caller who has
	// walked it. Without it the directory is walked when it is packed, and
	// there can be no slices.
	AppIndex pack.Index
	// Previous is an earlier image of the app, for layers of which the build
	// kept no more than the metadata. It may be nil.
	Previous v1.Image
	// PreviousMetadata is what is known of the layers of Previous; when nil, what
	// its label says, which it then has to have.
	PreviousMetadata *oci.LifecycleMetadata
	// Project says what the source is.
	Project oci.ProjectMetadata
	// PlatformAPI is the one that the launcher is to follow;
	// launch.PlatformAPI when empty.
	PlatformAPI string
	// Created is the time of creation that the image states; pack.Epoch when
	// zero. It is for SOURCE_DATE_EPOCH.
	Created time.Time
	// Parent returns the entry of a directory above a layer, by its path.
	// When it is nil, modes are 0755 and owners are as the package says.
	Parent func(path string) (pack.Parent, error)
	// Extension is what image extensions made of the base; it may be nil.
	Extension *Extension
	// Owner owns the files of the app; when nil, whom the base names.
	Owner *oci.Owner
	// ConfigDir is a directory on this machine that is in the image as it lies, in
	// place of the metadata that the tree has: <layers>/config of a lifecycle.
	ConfigDir string
	// ExecEnv is the execution environment that the tree was built for; the
	// image does not say when it is empty (CNB Platform API 0.15,
	// "CNB_EXEC_ENV").
	ExecEnv string
	// Warn hears of what the image has otherwise than buildpacks asked for. It
	// may be nil.
	Warn func(error)
	// Lifecycle has the image say what that of another lifecycle says, and no more;
	// nil is the image of slugc.
	Lifecycle *Lifecycle
}

// Extension is what image extensions made of a base (CNB Image Extension
// Specification, "Phase #3: Extension"). The top layer of the base is its own all the
// same: a rebase exchanges what is below the layers of extensions.
type Extension struct {
	// Config takes the place of the base's; nil leaves that.
	Config *v1.Config
	// Layers lie on the base, from the bottom.
	Layers []ExtensionLayer
}

// ExtensionLayer is a layer of an extension.
type ExtensionLayer struct {
	Segment artifact.Segment
	// CreatedBy is what the history says of it.
	CreatedBy string
}

// Lifecycle is what an image says that a platform made by the phases of the CNB
// Platform API. All of its history has the time of creation of the image, and what
// the base is run as stays, root included.
type Lifecycle struct {
	// NoHistory leaves out what the layers are, those of the base too (before
	// Platform API 0.12).
	NoHistory bool
	// StackNames names the base in the stack part of the label alone (before 0.12).
	StackNames bool
	// NoSBOM leaves out the launch SBOM (before 0.8).
	NoSBOM bool
	// Build is the value of the BuildLabel, as JSON.
	Build json.RawMessage
}

// owner owns the files of the app.
func (r Recipe) owner() (oci.Owner, error) {
	if r.Owner != nil {
		return *r.Owner, nil
	}
	return r.Base.Owner()
}

// previous is the earlier image.
func (r Recipe) previous() (oci.Previous, error) {
	if r.PreviousMetadata != nil {
		return oci.PreviousWith(r.Previous, *r.PreviousMetadata)
	}
	return oci.NewPrevious(r.Previous)
}

// Launcher is the program that starts the processes of an image.
type Launcher struct {
	// Content is the program, linked statically.
	Content []byte
	// Gzip is one gzip member that holds the program, in place of Content; nil for
	// none.
	Gzip *io.SectionReader
	// Info goes into a label.
	Info oci.LauncherInfo
}

// check makes sure that an image of a target can run the launcher.
func (l Launcher) check(target stack.Target) error {
	machine, err := l.machine()
	if err != nil {
		return fmt.Errorf("the launcher is not a program: %w", err)
	}
	machines := map[string]elf.Machine{
		"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
		"mips64le": elf.EM_MIPS, "ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
	}
	if want, known := machines[target.Arch]; known && machine != want {
		return fmt.Errorf("the launcher is for another machine (%s) than the image (%s): use a launcher for %s",
			machine, target, target)
	}
	return nil
}

// machine is what the program runs on, by its ELF header, which is all of it
// that is unpacked.
func (l Launcher) machine() (elf.Machine, error) {
	var program io.Reader = bytes.NewReader(l.Content)
	if l.Gzip != nil {
		unzipped, err := gzip.NewReader(io.NewSectionReader(l.Gzip, 0, l.Gzip.Size()))
		if err != nil {
			return 0, err
		}
		program = unzipped
	}
	var header struct {
		Ident         [elf.EI_NIDENT]byte
		Type, Machine [2]byte
	}
	if err := binary.Read(program, binary.LittleEndian, &header); err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(header.Ident[:], []byte(elf.ELFMAG)) {
		return 0, errors.New("it has no ELF header")
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(header.Ident[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	return elf.Machine(order.Uint16(header.Machine[:])), nil
}

// created is the time of creation.
func (r Recipe) created() v1.Time {
	if r.Created.IsZero() {
		return v1.Time{Time: pack.Epoch()}
	}
	return v1.Time{Time: r.Created.UTC()}
}

// platformAPI is the Platform API of the image.
func (r Recipe) platformAPI() string {
	return cmp.Or(r.PlatformAPI, launch.PlatformAPI)
}
