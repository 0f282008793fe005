package queue

import (
	"context"
	"errors"
	"io"
	"time"
)

// growth is how often a log is looked at that may have grown.
const growth = 100 * time.Millisecond

// Follow copies the log of a build to w, from a byte on, until the build has ended, and is
// the build then.
func Follow(ctx context.Context, s Store, id, from int64, w io.Writer) (b Build, err error) {
	log, err := s.Log(ctx, id)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if _, err := log.Seek(from, io.SeekStart); err != nil {
		return b, err
	}
	looked := time.Time{}
	for mark := Mark(0); ; {
		seen, err := changed(ctx, s, mark, growth)
		if err != nil {
			return b, err
		}
		if seen != mark || time.Since(looked) > glance {
			mark, looked = seen, time.Now()
			began := b.Started
			if b, err = s.Build(ctx, id); err != nil {
				return b, err
			}
			if began.IsZero() && !b.Started.IsZero() {
				// There may have been none before.
				fresh, err := s.Log(ctx, id)
				if err != nil {
					return b, err
				}
				if err := log.Close(); err != nil {
					return b, errors.Join(err, fresh.Close())
				}
				log = fresh
				if _, err := log.Seek(from, io.SeekStart); err != nil {
					return b, err
				}
			}
		}
		n, err := io.Copy(w, log)
		if from += n; err != nil || b.Status.Ended() {
			return b, err
		}
	}
}

// changed waits for a change of a store, but not for long.
func changed(ctx context.Context, s Store, since Mark, long time.Duration) (Mark, error) {
	short, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	mark, err := s.Changed(short, since)
	if short.Err() != nil && ctx.Err() == nil {
		return since, nil
	}
	return mark, err
}
