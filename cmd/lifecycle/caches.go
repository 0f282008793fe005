package main

import (
	"context"

	"github.com/slugc/slugc/build/lifecycle/cache"
)

// store is the cache for layers that a platform names, an image before a directory;
// nil for none.
func (p *program) store(ctx context.Context) (cache.Cache, error) {
	switch {
	case p.in.CacheImage != "":
		image := &cache.Image{
			Name: p.in.CacheImage, Images: p.images, DeleteOld: !p.in.API.KeepCacheImage, Warn: p.warn,
		}
		if _, err := image.Exists(ctx); err != nil {
			return nil, failed("create image cache", err)
		}
		return image, nil
	case p.in.CacheDir != "":
		volume, err := cache.OpenVolume(p.in.CacheDir)
		if err != nil {
			return nil, failed("create volume cache", err)
		}
		return volume, nil
	}
	return nil, nil
}
