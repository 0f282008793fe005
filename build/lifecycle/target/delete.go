package target

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Delete deletes an image by its ID. Many registries do not let anybody.
func (r Registry) Delete(ctx context.Context, id string) error {
	digest, err := name.NewDigest(id, name.WeakValidation)
	if err != nil {
		return err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(r.keychain())}
	if r.Transport != nil {
		options = append(options, remote.WithTransport(r.Transport))
	}
	if err := remote.Delete(digest, options...); err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return nil
}

func (r Registry) keychain() authn.Keychain {
	if r.Keychain == nil {
		return authn.NewMultiKeychain()
	}
	return r.Keychain
}
