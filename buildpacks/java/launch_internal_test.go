package java

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/limits"
)

// newCommon is the common part of a build that has nothing but variables.
func newCommon(env map[string]string) *language.Build { return &language.Build{Env: env} }

// execd runs an exec.d script in every shell that may be /bin/sh, and returns
// what it sets.
func execd(t *testing.T, script []byte, env map[string]string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, script, 0o600); err != nil {
		t.Fatal(err)
	}
	var first map[string]string
	for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], file)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.ExtraFiles = []*os.File{out}
		said, err := cmd.CombinedOutput()
		if err != nil || len(said) > 0 || out.Close() != nil {
			t.Fatalf("%s: %v, printed %q", shell, err, said)
		}
		got := map[string]string{}
		if _, err := toml.DecodeFile(out.Name(), &got); err != nil {
			t.Fatalf("%s: %v", shell, err)
		}
		if first == nil {
			first = got
		} else if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s: %s", shell, diff)
		}
	}
	return first
}

func TestMemory(t *testing.T) {
	for limit, c := range map[string]struct {
		env  map[string]string
		want string
	}{
		"268435456":  {want: "-Xmx150m -Xss512k -XX:CICompilerCount=2"},
		"536870912":  {want: "-Xmx300m -Xss512k -XX:CICompilerCount=2"},
		"1073741824": {want: "-Xmx671m -XX:CICompilerCount=2"},
		"2684354560": {want: "-XX:MaxRAMPercentage=80"},
		"max":        {},
		"536870913":  {env: map[string]string{"JAVA_TOOL_OPTIONS": `-Xmx1g -Da="b\c"`}, want: `-Xmx300m -Xss512k -XX:CICompilerCount=2 -Xmx1g -Da="b\c"`},
		"max ":       {env: map[string]string{"BPL_DEBUG_ENABLED": "true"}, want: "-agentlib:jdwp=transport=dt_socket,server=y,address=*:8000,suspend=n"},
	} {
		t.Run(limit, func(t *testing.T) {
			cgroup := t.TempDir()
			if err := os.WriteFile(filepath.Join(cgroup, "memory.max"), []byte(strings.TrimSpace(limit)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			script := strings.ReplaceAll(string(limits.Script(memory)), "/sys/fs/cgroup", cgroup)
			if diff := cmp.Diff(c.want, execd(t, []byte(script), c.env)["JAVA_TOOL_OPTIONS"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDatabase(t *testing.T) {
	for name, c := range map[string]struct{ env, want map[string]string }{
		"none": {want: map[string]string{}},
		"PostgreSQL": {
			env: map[string]string{"DATABASE_URL": "postgres://ada:p%40ss%2Fw%25rd%20%22%5C@db.example.com:5432/app?sslmode=require"},
			want: map[string]string{
				"JDBC_DATABASE_URL":          "jdbc:postgresql://db.example.com:5432/app?sslmode=require&user=ada&password=p%40ss%2Fw%25rd%20%22%5C",
				"JDBC_DATABASE_USERNAME":     "ada",
				"JDBC_DATABASE_PASSWORD":     `p@ss/w%rd "\`,
				"SPRING_DATASOURCE_URL":      "jdbc:postgresql://db.example.com:5432/app?sslmode=require",
				"SPRING_DATASOURCE_USERNAME": "ada",
				"SPRING_DATASOURCE_PASSWORD": `p@ss/w%rd "\`,
			},
		},
		"MySQL, without Spring": {
			env:  map[string]string{"DATABASE_URL": "mysql2://u:p@h/d?reconnect=true", "DISABLE_SPRING_DATASOURCE_URL": "true"},
			want: map[string]string{"JDBC_DATABASE_URL": "jdbc:mysql://h/d?reconnect=true&user=u&password=p", "JDBC_DATABASE_USERNAME": "u", "JDBC_DATABASE_PASSWORD": "p"},
		},
		"what is set stays": {
			env:  map[string]string{"DATABASE_URL": "postgresql://u@h/d", "JDBC_DATABASE_URL": "mine", "SPRING_DATASOURCE_URL": "mine"},
			want: map[string]string{"JDBC_DATABASE_USERNAME": "u", "JDBC_DATABASE_PASSWORD": ""},
		},
		"others": {
			env: map[string]string{"STATS_DATABASE_URL": "postgres://s:t@h/d", "HEROKU_POSTGRESQL_RED_URL": "postgres://r:q@h/e", "X_DATABASE_URL": "redis://h"},
			want: map[string]string{
				"STATS_JDBC_DATABASE_URL": "jdbc:postgresql://h/d?user=s&password=t", "STATS_JDBC_DATABASE_USERNAME": "s", "STATS_JDBC_DATABASE_PASSWORD": "t",
				"HEROKU_POSTGRESQL_RED_JDBC_URL": "jdbc:postgresql://h/e?user=r&password=q", "HEROKU_POSTGRESQL_RED_JDBC_USERNAME": "r", "HEROKU_POSTGRESQL_RED_JDBC_PASSWORD": "q",
			},
		},
		"Redis": {
			env:  map[string]string{"REDIS_URL": "rediss://:p@h:6379"},
			want: map[string]string{"SPRING_DATA_REDIS_URL": "rediss://:p@h:6379", "SPRING_REDIS_URL": "rediss://:p@h:6379"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, execd(t, database, c.env)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
