//go:build acceptance

package launch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/php/launch"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/mirrortest"
	"github.com/slugc/slugc/stack/sandbox"
)

// Where the sandbox shows the app and the layers.
const (
	appPath    = "/site"
	layersPath = "/layers/"
)

// patience is how long a server may take to start, and to end.
const patience = 30 * time.Second

// layers is a stack with layers on it.
type layers struct {
	stack  stack.Stack
	mounts []sandbox.Mount
	env    map[string]string
}

func newLayers(t *testing.T) layers {
	t.Helper()
	archive := mirrortest.Open(t)
	definition, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	maker := debian.Maker{Repository: archive}
	image, err := maker.Resolve(t.Context(), definition, stack.Run, goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	if _, err := maker.Make(t.Context(), definition, stack.Run, image, root); err != nil {
		t.Fatal(err)
	}
	catalogue, err := runtime.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	resolver := &runtime.Resolver{Catalogue: catalogue, Debian: &runtime.Debian{Repository: archive, Suites: definition.Suites, Base: image.Packages}}
	k := layers{
		stack: stack.Stack{ID: definition.ID, Root: root, Target: definition.Target(goruntime.GOARCH)},
		env:   map[string]string{"PATH": stack.DefaultPath, "HOME": appPath},
	}
	servers := filepath.Join(t.TempDir(), "servers")
	if err := launch.Write(servers); err != nil {
		t.Fatal(err)
	}
	k.add("servers", servers, map[string]string{"PATH": servers + "/bin:" + k.env["PATH"]})
	for _, q := range []runtime.Request{{Runtime: "php", Parts: []string{"fpm"}}, {Runtime: "nginx"}, {Runtime: "apache"}} {
		q.Arch = goruntime.GOARCH
		release, err := resolver.Resolve(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		layout, err := resolver.Install(t.Context(), release, filepath.Join(t.TempDir(), q.Runtime))
		if err != nil {
			t.Fatal(err)
		}
		k.add(q.Runtime, layout.Dir, layout.Environ(k.env))
	}
	return k
}

// add adds a layer, with the environment that it makes.
func (k *layers) add(name, dir string, env map[string]string) {
	k.mounts = append(k.mounts, sandbox.Mount{Source: dir, Target: layersPath + name})
	for key, value := range env {
		k.env[key] = strings.ReplaceAll(value, dir, layersPath+name)
	}
}

// app is a directory with files.
func app(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// output is what a server prints, with a way to wait for a text in it.
type output struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits for a text.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.more:
		case <-deadline:
			t.Fatalf("it does not print %q:\n%s", text, o)
		}
	}
}

// server is a command that serves.
type server struct {
	url    string
	out    *output
	ended  chan error
	cancel context.CancelFunc
	// first is told the process that started the command.
	first chan int
}

// start starts a command and waits until its port answers, or it ends.
func (k layers) start(t *testing.T, dir string, env map[string]string, args ...string) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(k.env)
	all["PORT"] = port
	maps.Copy(all, env)
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{url: "http://" + address, out: &output{more: make(chan struct{}, 1)}, ended: make(chan error, 1), cancel: cancel, first: make(chan int, 1)}
	c := sandbox.Command{
		Stack: k.stack, Mounts: append(slices.Clone(k.mounts), sandbox.Mount{Source: dir, Target: appPath}), Dir: appPath,
		Args: args, Network: true, Started: func(first *os.Process) { s.first <- first.Pid }, Stdout: s.out, Stderr: s.out, Grace: patience,
	}
	for name, value := range all {
		c.Env = append(c.Env, name+"="+value)
	}
	begin := time.Now()
	go func() { s.ended <- sandbox.Namespaces{}.Run(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("%s printed:\n%s", strings.Join(args, " "), s.out)
		}
	})
	for time.Since(begin) < patience {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t.Logf("%s answers after %s", args[0], time.Since(begin).Round(time.Millisecond))
			return s.close(t, conn)
		}
		select {
		case err := <-s.ended:
			s.ended <- err
			return s
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not start:\n%s", args, s.out)
	return nil
}

func (s *server) close(t *testing.T, c io.Closer) *server {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// end sends SIGTERM to the command alone, as a container's engine does, and waits.
func (s *server) end(t *testing.T) error {
	t.Helper()
	first := <-s.first
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first, first))
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range strings.Fields(string(children)) {
		id, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(id, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	return <-s.ended
}

// stop sends SIGTERM to all processes, waits and returns the exit code.
func (s *server) stop(t *testing.T) int {
	t.Helper()
	s.cancel()
	err := <-s.ended
	stopped, ok := errors.AsType[*sandbox.StoppedError](err)
	if !ok {
		t.Fatalf("got %v\n%s", err, s.out)
	}
	return stopped.Status
}

// answer is what a server says.
type answer struct {
	status int
	body   string
	header http.Header
}

func (s *server) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	a, err := s.ask(t.Context(), path, headers...)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.out)
	}
	return a
}

func (s *server) ask(ctx context.Context, path string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 2 * patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, string(body), response.Header}, err
}

// index is an app that has one page for all paths.
const index = `<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/slow') {
	file_put_contents('php://stderr', "slow begins\n");
	usleep(1500000);
	echo 'slow ends';
	return;
}
if ($path === '/wrong') {
	trigger_error('this is wrong', E_USER_WARNING);
}
if ($path === '/limits') {
	echo ini_get('memory_limit'), ' ', ini_get('upload_max_filesize'), ' ', ini_get('post_max_size'), ' ', ini_get('display_errors'), ' ', ini_get('date.timezone');
	return;
}
if ($path === '/die') {
	posix_kill(posix_getppid(), 9);
	return;
}
foreach (['REQUEST_URI', 'SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'REMOTE_ADDR', 'HTTPS', 'SERVER_PORT', 'HTTP_AUTHORIZATION', 'GREETING', 'SCRIPT_FILENAME'] as $name) {
	echo $name, '=', $_SERVER[$name] ?? '-', "\n";
}
`

// siteFiles is an app with a front controller in public.
func siteFiles() map[string]string {
	return map[string]string{
		"public/index.php": index, "public/style.css": "p { color: red }\n", "public/.env": "SECRET=1\n", "public/.git/config": "secret",
		"public/.well-known/security.txt": "Contact: us\n", "public/vendor/x.js": "x\n", "public/other/index.php": "<?php echo 'other';",
		"public/info.php": "<?php echo 'info ' . ($_SERVER['PATH_INFO'] ?? '-');", "composer.json": "{}",
		"public/.user.ini": "memory_limit = 96M\npost_max_size = 1M\n",
	}
}

// plainFiles is an app that is served as a whole.
func plainFiles() map[string]string {
	return map[string]string{
		"index.php": "<?php echo 'plain ' . PHP_VERSION;", "page.html": "<p>page</p>", "composer.json": "{}", "composer.lock": "{}", "Procfile": "web: x\n",
		"vendor/autoload.php": "<?php echo 'vendor';", "vendor/x.js": "x",
	}
}

func TestServers(t *testing.T) {
	k := newLayers(t)
	for _, command := range []string{launch.Nginx, launch.Apache} {
		t.Run(command, func(t *testing.T) {
			t.Run("front controller", func(t *testing.T) { testSite(t, k, command) })
			t.Run("plain", func(t *testing.T) { testPlain(t, k, command) })
			t.Run("ends well", func(t *testing.T) { testEnd(t, k, command) })
			t.Run("settings", func(t *testing.T) { testSettings(t, k, command) })
			t.Run("mistakes", func(t *testing.T) { testMistakes(t, k, command) })
		})
	}
}

func testSite(t *testing.T, k layers, command string) {
	dir := app(t, siteFiles())
	s := k.start(t, dir, map[string]string{"GREETING": "hello"}, command, "-v", "public/")
	for _, test := range []struct {
		path    string
		headers []string
		status  int
		says    []string
	}{
		{path: "/", status: 200, says: []string{"REQUEST_URI=/\n", "SCRIPT_NAME=/index.php\n", "REMOTE_ADDR=127.0.0.1\n", "HTTPS=-\n", "GREETING=hello\n"}},
		{path: "/articles/1?a=b", status: 200, says: []string{"REQUEST_URI=/articles/1?a=b\n", "SCRIPT_NAME=/index.php\n", "QUERY_STRING=a=b\n", "SCRIPT_FILENAME=/site/public/index.php\n"}},
		{path: "/index.php/a/b", status: 200, says: []string{"PATH_INFO=/a/b\n", "SCRIPT_NAME=/index.php\n"}},
		{path: "/info.php/a", status: 200, says: []string{"info /a"}},
		{path: "/other/", status: 200, says: []string{"other"}},
		{path: "/style.css", status: 200, says: []string{"color: red"}},
		{path: "/vendor/x.js", status: 200, says: []string{"x\n"}},
		{path: "/.env", status: 404},
		{path: "/.git/config", status: 404},
		{path: "/.user.ini", status: 404},
		{path: "/.well-known/security.txt", status: 200, says: []string{"Contact"}},
		{path: "/", headers: []string{"X-Forwarded-For", "10.1.2.3, 203.0.113.7", "X-Forwarded-Proto", "https"}, status: 200,
			says: []string{"REMOTE_ADDR=203.0.113.7\n", "HTTPS=on\n", "SERVER_PORT=443\n"}},
		{path: "/", headers: []string{"Authorization", "Bearer x"}, status: 200, says: []string{"HTTP_AUTHORIZATION=Bearer x\n"}},
		{path: "/limits", status: 200, says: []string{"96M 32M 1M  UTC"}},
		{path: "/wrong", status: 200, says: []string{"REQUEST_URI=/wrong"}},
	} {
		got := s.get(t, test.path, test.headers...)
		if got.status != test.status {
			t.Errorf("%s: got %d: %s", test.path, got.status, got.body)
		}
		for _, want := range test.says {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: no %q in %s", test.path, want, got.body)
			}
		}
	}
	css := s.get(t, "/style.css")
	if css.header.Get("Last-Modified") != "" || css.header.Get("Etag") != "" || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("got %v", css.header)
	}
	if page := s.get(t, "/"); page.header.Get("X-Powered-By") != "" || strings.ContainsAny(page.header.Get("Server"), "0123456789") {
		t.Errorf("got %v", page.header)
	}
	if got := s.get(t, "/other"); got.status != 301 || !strings.HasSuffix(got.header.Get("Location"), "/other/") {
		t.Errorf("got %d %v", got.status, got.header)
	}
	s.out.await(t, "this is wrong")
	s.out.await(t, `"GET /wrong HTTP/1.1" 200`)
	s.out.await(t, "203.0.113.7 ")
	if code := s.stop(t); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	for line := range strings.Lines(s.out.String()) {
		if strings.Contains(line, "[pool www]") || strings.Contains(line, "FastCGI sent") {
			t.Errorf("it prints %s", line)
		}
	}
}

func testPlain(t *testing.T, k layers, command string) {
	files := plainFiles()
	s := k.start(t, app(t, files), nil, command)
	for path, status := range map[string]int{
		"/": 200, "/page.html": 200, "/nothing": 404, "/nothing.php": 404, "/vendor/autoload.php": 404, "/vendor/x.js": 404, "/vendor/": 404,
		"/composer.json": 404, "/composer.lock": 404, "/Procfile": 404, "/index.php": 200,
	} {
		if got := s.get(t, path); got.status != status {
			t.Errorf("%s: got %d, want %d: %s", path, got.status, status, got.body)
		}
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("got exit code %d", code)
	}
	files[".htaccess"] = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^ index.php [QSA,L]\n"
	s = k.start(t, app(t, files), nil, command)
	if got := s.get(t, "/nothing"); got.status != 200 || !strings.Contains(got.body, "plain 8.") {
		t.Errorf("with .htaccess: %d %s", got.status, got.body)
	}
	if got := s.get(t, "/.htaccess"); got.status != 404 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	s.stop(t)
}

// testEnd has a request that lasts longer than the app, and servers that die.
func testEnd(t *testing.T, k layers, command string) {
	dir := app(t, siteFiles())
	s := k.start(t, dir, map[string]string{"WEB_CONCURRENCY": "3"}, command, "public")
	answers := make(chan string, 1)
	go func() {
		got, err := s.ask(context.Background(), "/slow")
		answers <- fmt.Sprint(got.status, got.body, err)
	}()
	s.out.await(t, "slow begins")
	begin := time.Now()
	if err := s.end(t); err != nil {
		t.Errorf("got %v", err)
	}
	t.Logf("ended after %s", time.Since(begin).Round(time.Millisecond))
	if got := <-answers; got != "200slow ends<nil>" {
		t.Errorf("the request that was under way got %s", got)
	}

	s = k.start(t, dir, nil, command, "public")
	// Its answer is that of a web server without PHP, or none.
	_, _ = s.ask(t.Context(), "/die")
	if failed, ok := errors.AsType[*sandbox.ExitError](<-s.ended); !ok || failed.Status() != 1 {
		t.Errorf("got %v\n%s", failed, s.out)
	}
	s.out.await(t, "php-fpm ended with 137")

	// Where all processes are told at once, requests end, but it still ends well.
	for range 3 {
		s = k.start(t, dir, nil, command, "public")
		if code := s.stop(t); code != 0 {
			t.Errorf("got exit code %d\n%s", code, s.out)
		}
	}
}

func testSettings(t *testing.T, k layers, command string) {
	files := siteFiles()
	files["conf/pool.conf"] = "php_admin_value[memory_limit] = 64M\nphp_value[date.timezone] = Europe/Oslo\n"
	files["conf/php.ini"] = "upload_max_filesize = 3M\ndisplay_errors = 0\n"
	server := `location / { try_files $uri @app; } location @app { rewrite ^(.*)$ /index.php/own$1 last; } location = /port { return 200 "@PORT"; }`
	if command == launch.Apache {
		server = "RewriteEngine On\nRewriteRule ^/mine$ /index.php/own [L]\n<Location /port>\nRewriteRule ^ - [R=403,L]\n</Location>\n"
	}
	files["conf/server.conf.php"] = "<?php echo str_replace('@PORT', getenv('PORT'), <<<'END'\n" + server + "\nEND);"
	s := k.start(t, app(t, files), nil, command, "-C", "conf/server.conf.php", "-F", "conf/pool.conf", "-i", "conf/php.ini", "-v", "public/")
	if got := s.get(t, "/mine"); got.status != 200 || !strings.Contains(got.body, "PATH_INFO=/own") {
		t.Errorf("got %d %s", got.status, got.body)
	}
	// An own php.ini takes the place of the one that comes with PHP.
	if got := s.get(t, "/index.php/limits"); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := s.get(t, "/.user.ini"); got.status != 404 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	s.out.await(t, "processes of PHP serve /site/public")
	if !strings.Contains(s.out.String(), command+": 8 processes of PHP") {
		t.Errorf("it prints %s", s.out)
	}
	s.stop(t)
}

func testMistakes(t *testing.T, k layers, command string) {
	files := plainFiles()
	files["bad.conf"] = "this is wrong\n"
	dir := app(t, files)
	for _, test := range []struct {
		env  map[string]string
		args []string
		says string
	}{
		{args: []string{"public/"}, says: "there is no directory public/ in /site"},
		{args: []string{"-C", "nothing.conf"}, says: "there is no file nothing.conf in /site"},
		{args: []string{"-C", "bad.conf"}, says: "bad.conf"},
		{args: []string{"-F", "bad.conf"}, says: "bad.conf"},
		{args: []string{"-t", "-C", "bad.conf"}, says: "bad.conf"},
		{args: []string{"a", "b"}, says: "more than one document root"},
		{env: map[string]string{"PORT": "http"}, says: "PORT is http"},
		{args: []string{"-x"}, says: "Usage: " + command},
	} {
		s := k.start(t, dir, test.env, append([]string{command}, test.args...)...)
		err := <-s.ended
		if failed, ok := errors.AsType[*sandbox.ExitError](err); !ok || failed.Status() == 0 {
			t.Errorf("%v: got %v", test.args, err)
		}
		if !strings.Contains(s.out.String(), test.says) {
			t.Errorf("%v: no %q in %s", test.args, test.says, s.out)
		}
	}
	s := k.start(t, dir, nil, command, "-t")
	if err := <-s.ended; err != nil {
		t.Errorf("got %v\n%s", err, s.out)
	}
}
