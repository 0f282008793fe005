package main

import (
	"context"

	"github.com/slugc/slugc/build/lifecycle"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
)

// openCache is the cache for layers that a platform names, an image before a
// directory; nil for none.
func openCache(ctx context.Context, in platform.Inputs, images target.Registry, log *platform.Log) (cache.Cache, error) {
	switch {
	case in.CacheImage != "":
		image := &cache.Image{
			Name: in.CacheImage, Images: images, DeleteOld: !in.API.KeepCacheImage, Warn: func(err error) { log.Warnf("%v", err) },
		}
		if _, err := image.Exists(ctx); err != nil {
			return nil, &lifecycle.Failure{Action: "create image cache", Class: lifecycle.Generic, Err: err}
		}
		return image, nil
	case in.CacheDir != "":
		volume, err := cache.OpenVolume(in.CacheDir)
		if err != nil {
			return nil, &lifecycle.Failure{Action: "create volume cache", Class: lifecycle.Generic, Err: err}
		}
		return volume, nil
	}
	return nil, nil
}
