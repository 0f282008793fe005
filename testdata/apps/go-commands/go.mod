// The commands that a release has, and the Go that builds them:
// +heroku install ./cmd/web ./cmd/worker
// +heroku goVersion go1.26
module example.com/jobs/v2

go 1.25
