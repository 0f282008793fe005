// Package deploy is the whole road in one short function: Build opens the
// source, detects, restores, compiles, saves, packs and records, and says each
// step as it goes.
package deploy
