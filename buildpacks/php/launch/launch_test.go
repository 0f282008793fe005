package launch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/php/launch"
)

// TestMain makes the test a program that stands for PHP and the servers where
// it has their names.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "php":
		os.Exit(fakePHP())
	case "php-fpm", "nginx", "apache2":
		os.Exit(fakeServer(name))
	}
	os.Exit(m.Run())
}

// fakePHP says the memory limit and the size of posts, or prints a file.
func fakePHP() int {
	if slices.Contains(os.Args, "-r") {
		fmt.Print("134217728 37748736 ")
		return 0
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return 1
	}
	fmt.Print(string(text))
	return 0
}

// fakeServer does what FAKE_NAME says: nothing special when it is empty, "fails"
// ends with 3, "hangs" starts but does not get ready, and "stuck" waits for TERM.
func fakeServer(name string) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGTERM)
	how := os.Getenv("FAKE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	if how == "fails" {
		return 3
	}
	config := os.Args[slices.IndexFunc(os.Args, func(arg string) bool { return arg == "-c" || arg == "-f" || arg == "--fpm-config" })+1]
	text, err := os.ReadFile(config)
	if err != nil {
		fmt.Println(err)
		return 2
	}
	if socket := regexp.MustCompile(`(?m)^listen = "(.*)"$`).FindSubmatch(text); socket != nil && how != "hangs" {
		listener, err := net.Listen("unix", string(socket[1]))
		if err != nil {
			fmt.Println(err)
			return 2
		}
		defer listener.Close()
	}
	fmt.Println(string(text))
	fmt.Println(name, "runs", os.Getpid())
	for got := range signals {
		fmt.Println(name, "is told:", got)
		if how != "stuck" || got == syscall.SIGTERM {
			break
		}
	}
	return 0
}

// lines are what a command prints, while it does.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// match waits for what a pattern matches.
func (l *lines) match(t *testing.T, pattern string) []string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(l.String()); found != nil {
			return found
		}
		select {
		case <-l.more:
		case <-deadline:
			t.Fatalf("no %s in what it prints:\n%s", pattern, l)
		}
	}
}

// fakes is a directory with the layer, fakes and an app.
type fakes struct {
	dir   string
	shell []string
}

// shells are those that may be /bin/sh.
func shells() [][]string {
	return [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}}
}

// each runs a test with every one of some shells that is there.
func each(t *testing.T, shells [][]string, test func(t *testing.T, f fakes)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range shells {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			t.Parallel()
			f := fakes{dir: t.TempDir(), shell: shell}
			if err := launch.Write(filepath.Join(f.dir, "layer")); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"usr/sbin/php-fpm", "usr/sbin/nginx", "usr/sbin/apache2", "usr/sbin/php"} {
				file := filepath.Join(f.dir, name)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(self, file); err != nil {
					t.Fatal(err)
				}
			}
			f.write(t, "app/index.php", "<?php\n")
			test(t, f)
		})
	}
}

func (f fakes) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// start starts a command of the layer, with limits that are those of the files.
func (f fakes) start(t *testing.T, command string, env []string, args ...string) (*exec.Cmd, *lines) {
	t.Helper()
	script := filepath.Join(f.dir, "layer/bin", command)
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	own := strings.ReplaceAll(string(text), "/sys/fs/cgroup", filepath.Join(f.dir, "cgroup"))
	if err := os.WriteFile(script, []byte(own), 0o755); err != nil {
		t.Fatal(err)
	}
	l := &lines{more: make(chan struct{}, 1)}
	cmd := exec.CommandContext(t.Context(), f.shell[0], slices.Concat(f.shell[1:], []string{script}, args)...)
	cmd.Dir = filepath.Join(f.dir, "app")
	cmd.Env = append(env, "PATH="+filepath.Join(f.dir, "usr/sbin")+":"+os.Getenv("PATH"), "TMPDIR="+f.dir)
	cmd.Stdout, cmd.Stderr = l, l
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, l
}

// ends waits for the exit code, and for nothing to be left.
func (f fakes) ends(t *testing.T, cmd *exec.Cmd, l *lines, code int) {
	t.Helper()
	err := cmd.Wait()
	if _, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("got exit code %d, want %d:\n%s", got, code, l)
	}
	left, err := fs.Glob(os.DirFS(f.dir), "php.*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func told(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestCommandsEnd(t *testing.T) {
	for command, server := range map[string]string{launch.Nginx: "nginx is told: quit", launch.Apache: "apache2 is told: window changed"} {
		name, _, _ := strings.Cut(server, " ")
		each(t, shells(), func(t *testing.T, f fakes) {
			cmd, l := f.start(t, command, nil)
			l.match(t, name+` runs`)
			told(t, cmd, syscall.SIGTERM)
			f.ends(t, cmd, l, 0)
			// Requests wait for PHP, so it ends last.
			l.match(t, `(?s)`+server+`.*php-fpm is told: quit`)
		})
	}
}

func TestCommandsEndTogether(t *testing.T) {
	each(t, shells(), func(t *testing.T, f fakes) {
		cmd, l := f.start(t, launch.Nginx, []string{"FAKE_NGINX=fails"})
		f.ends(t, cmd, l, 1)
		l.match(t, `heroku-php-nginx: nginx ended with 3`)
		l.match(t, `php-fpm is told: quit`)

		cmd, l = f.start(t, launch.Nginx, []string{"FAKE_PHP_FPM=fails"})
		f.ends(t, cmd, l, 1)
		l.match(t, `heroku-php-nginx: php-fpm ended with 3`)
		if strings.Contains(l.String(), "nginx runs") {
			t.Errorf("nginx was started:\n%s", l)
		}

		cmd, l = f.start(t, launch.Nginx, nil)
		var id int
		if _, err := fmt.Sscan(l.match(t, `php-fpm runs (\d+)\n`)[1], &id); err != nil {
			t.Fatal(err)
		}
		l.match(t, `nginx runs`)
		if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		f.ends(t, cmd, l, 1)
		l.match(t, `nginx is told: quit`)
		l.match(t, `heroku-php-nginx: php-fpm ended with 137`)
	})
}

func TestCommandsEndAtOnce(t *testing.T) {
	each(t, shells(), func(t *testing.T, f fakes) {
		cmd, l := f.start(t, launch.Nginx, []string{"FAKE_PHP_FPM=hangs"})
		l.match(t, `php-fpm runs`)
		told(t, cmd, syscall.SIGTERM)
		f.ends(t, cmd, l, 0)
		if strings.Contains(l.String(), "nginx runs") {
			t.Errorf("nginx was started:\n%s", l)
		}

		cmd, l = f.start(t, launch.Nginx, []string{"FAKE_NGINX=stuck"})
		l.match(t, `nginx runs`)
		told(t, cmd, syscall.SIGINT)
		l.match(t, `nginx is told: quit`)
		told(t, cmd, syscall.SIGTERM)
		f.ends(t, cmd, l, 0)
		l.match(t, `nginx is told: terminated`)
	})
}

func TestConfigurations(t *testing.T) {
	each(t, [][]string{{"sh"}}, func(t *testing.T, f fakes) {
		f.write(t, "app/web/index.php", "<?php\n")
		f.write(t, "app/conf/own.conf.php", "# own server\n")
		f.write(t, "app/conf/pool.conf", "pm = dynamic\n")
		for _, test := range []struct {
			env    []string
			memory string
			args   []string
			want   []string
		}{
			{memory: "1073741824", want: []string{"pm.max_children = 8\n", "listen 8080;", `root "` + f.dir + `/app";`, "(?:vendor|node_modules)", "client_max_body_size 37748736;"}},
			{want: []string{"pm.max_children = 4\n"}},
			{memory: "16777216", want: []string{"pm.max_children = 1\n"}},
			{memory: "1073741824", env: []string{"WEB_CONCURRENCY=3", "PORT=5000"}, want: []string{"pm.max_children = 3\n", "listen 5000;"}},
			{env: []string{"WEB_CONCURRENCY=many"}, want: []string{"pm.max_children = 4\n"}},
			{args: []string{"-p", "6000", "web/"}, want: []string{"listen 6000;", `root "` + f.dir + `/app/web";`, "/index.php$is_args$args;"}},
			{args: []string{"-C", "conf/own.conf.php", "-F", "conf/pool.conf"}, want: []string{"server-include\";", `include = "` + f.dir + `/app/conf/pool.conf"`}},
		} {
			f.write(t, "cgroup/memory.max", test.memory+"\n")
			cmd, l := f.start(t, launch.Nginx, test.env, test.args...)
			l.match(t, `nginx runs`)
			told(t, cmd, syscall.SIGTERM)
			f.ends(t, cmd, l, 0)
			for _, want := range test.want {
				l.match(t, regexp.QuoteMeta(want))
			}
			if strings.Contains(l.String(), "@@") {
				t.Errorf("something is not filled in:\n%s", l)
			}
		}
		if page := "index.php$is_args"; f.prints(t, page) {
			t.Errorf("an app that is served as a whole has %s", page)
		}
		f.write(t, "app/.htaccess", "RewriteEngine On\n  RewriteRule ^ index.php [L]\n")
		if page := "index.php$is_args"; !f.prints(t, page) {
			t.Errorf("an app with rules for Apache does not have %s", page)
		}
	})
}

// prints tells whether a text is in the configurations.
func (f fakes) prints(t *testing.T, text string) bool {
	t.Helper()
	cmd, l := f.start(t, launch.Nginx, nil)
	l.match(t, `nginx runs`)
	told(t, cmd, syscall.SIGTERM)
	f.ends(t, cmd, l, 0)
	return strings.Contains(l.String(), text)
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := launch.Write(dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		got = append(got, info.Mode().String()+" "+strings.TrimPrefix(name, dir+"/"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"-rwxr-xr-x bin/heroku-php-apache2", "-rwxr-xr-x bin/heroku-php-nginx", "-rw-r--r-- lib/apache2.conf", "-rw-r--r-- lib/fastcgi_params",
		"-rw-r--r-- lib/mime.types", "-rw-r--r-- lib/nginx.conf", "-rw-r--r-- lib/php-fpm.conf",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if sum := launch.Sum(); len(sum) != 64 {
		t.Errorf("got %s", sum)
	}
	if got := string(launch.VendorBin(launch.Nginx)); got != "#!/bin/sh\nexec heroku-php-nginx \"$@\"\n" {
		t.Errorf("got %q", got)
	}
}
