// Package commits reads git repositories: what a commit says, what it changes, and its tree
// as files, without a .git.
//
// git itself runs in the sandbox, with a configuration of its own: no hook, no filter and no
// credential helper of anybody runs, and the environment of a hook, GIT_DIR and the like,
// reaches neither it nor what is built. A repository of this machine is shown to it
// read-only. While a push is received its objects lie in a quarantine (git-receive-pack(1),
// "QUARANTINE ENVIRONMENT"), which is shown too.
//
// A tree is that of git archive, and so is the mode of each file; attributes that leave files
// out of an archive do not count. Submodules are fetched by https, ssh and git, as
// gitmodules(5) names them; one that lies on this machine is not, because whoever may push
// could read what others have there. What Git LFS keeps elsewhere is told of, and stays the
// pointer that it is.
//
// x/sync/errgroup waits for git and for who unpacks what it prints.
package commits
