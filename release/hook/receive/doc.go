// Package receive is pushes to a bare repository of this machine: the hook that is put into
// it, and what the hook does.
//
// # The repository's settings
//
// Which apps are built of a repository stands in its own git config, a section for each,
// so that a person reads and changes it with git config:
//
//	[slugc "shop"]
//	    branch = main          # built; may be repeated
//	    path = packages/web    # a push that changes nothing there is not built; may be repeated
//	    directory = packages/web
//	    others = refuse        # other branches are refused; else they pass without a build
//	    start = false          # an app that does not run is not started
//	    port = 8080            # what it is started with
//	    listen = 0.0.0.0
//	    flag = --stack         # further arguments of slugc build; may be repeated
//
// # The hook
//
// As pre-receive, which it is unless somebody wants the other, a build that fails rejects the
// push: no ref is moved. All refs of a push are taken or none is. The release is
// made before git moves the ref; what would keep git from that is looked at first, and
// once more when the build's turn has come: the branch may have moved while the push waited. As
// post-receive the refs have moved, and whoever pushed is told how it went.
//
// A push that waits belongs to its hook: when the pusher is gone, which is when nobody reads what the
// hook prints, the build is cancelled.
//
// x/sys/unix waits for the end of a process and of a pipe.
package receive
