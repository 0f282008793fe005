//go:build acceptance

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshots is where pictures of the page go, for people to look at.
const screenshots = "../../out/screenshots"

// TestPage clicks through the page of a server as a person does: signs in, sends an app,
// looks at its log while it is built, sends it again, scales it and rolls it back.
func TestPage(t *testing.T) {
	t.Parallel()
	s := newStackedSlugc(t)
	server := startServer(t, s)
	s.copyApp("nodejs-express", "app", time.Now(), 0)
	s.must("config", "set", "shop", "GREETING=a-value-that-nobody-sees")
	archive := func() string {
		name := s.path("shop.tar.gz")
		if out, err := exec.Command("tar", "-C", s.path("app"), "-czf", name, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return name
	}
	b := openBrowser(t)

	b.do("signing in with a wrong token", chromedp.Navigate(server.url+"/apps/shop"),
		chromedp.SendKeys(chromedp.CSS("#token"), "wrong\r"), chromedp.WaitVisible(chromedp.CSS(".reason")))
	b.picture("sign-in")
	b.do("signing in", chromedp.SendKeys(chromedp.CSS("#token"), server.token), chromedp.SendKeys(chromedp.CSS("#name"), "Ada"),
		chromedp.Click(chromedp.CSS(".sign-in button")), chromedp.WaitVisible(chromedp.CSS("#formation")))

	b.do("sending an app", chromedp.SetUploadFiles(chromedp.CSS("#archive"), []string{archive()}), chromedp.Click(chromedp.CSS(".send button")),
		chromedp.WaitVisible(chromedp.CSS("#log .l")))
	b.picture("build-live")
	b.until("the build ends", `document.querySelector("#head .status.succeeded") !== null`)
	b.until("its log is there", `document.querySelector("#log").textContent.includes("Done, v2")`)
	b.until("its phases are there", `document.querySelectorAll(".phases li").length > 2`)
	b.picture("build")

	b.do("building it again", chromedp.Click(chromedp.CSS(`form[action$="/again"] button`)), chromedp.WaitVisible(chromedp.CSS(`form[action$="/cancel"]`)))
	b.until("the second build ends", `document.querySelector("#head .status.succeeded") !== null`)

	s.write("app/package.json", `{"name": "shop", "scripts": {"<img src=x onerror=alert(1)>": 1}}`)
	b.do("sending a broken app", chromedp.Navigate(server.url+"/apps/shop"), chromedp.SetUploadFiles(chromedp.CSS("#archive"), []string{archive()}), chromedp.Click(chromedp.CSS(".send button")))
	b.until("the broken build fails", `document.querySelector("#head .status.failed") !== null`)
	b.picture("build-failed")

	r := startApp(t, s, "shop", "web=1", "worker=1")
	r.await(`heroku\[web.1\]: State changed from starting to up`)
	b.do("opening the app", chromedp.Navigate(server.url+"/apps/shop"), chromedp.WaitVisible(chromedp.CSS("#scale-web")), chromedp.WaitVisible(chromedp.CSS(".map")))
	b.picture("app")
	b.do("scaling", chromedp.SetValue(chromedp.CSS("#scale-web"), "2"), chromedp.Click(chromedp.CSS(`form[action$="/scale"] button`)))
	r.await(`heroku\[api\]: Scaled to web@2 worker@1`)
	b.until("the new scale is shown", `document.querySelector("#scale-web").value === "2"`)

	b.do("rolling back", chromedp.Click(chromedp.CSS(".release:nth-child(2) summary")), chromedp.WaitVisible(chromedp.CSS(".release:nth-child(2) .danger")))
	b.picture("rollback")
	b.do("rolling back", chromedp.Click(chromedp.CSS(".release:nth-child(2) .danger")))
	b.until("the roll back is shown", `document.querySelector(".release.current").textContent.includes("Rollback to v2")`)
	if out := s.must("release", "list", "shop"); !strings.Contains(out, "v4   Rollback to v2") || !strings.Contains(out, "Ada") {
		t.Errorf("the releases are %s", out)
	}

	b.do("opening the lists", chromedp.Navigate(server.url+"/"), chromedp.WaitVisible(chromedp.CSS(".cards")))
	b.picture("apps")
	b.do("opening the builds", chromedp.Navigate(server.url+"/builds"), chromedp.WaitVisible(chromedp.CSS(".rows")))
	b.picture("builds")
	b.do("opening what is not there", chromedp.Navigate(server.url+"/apps/other"), chromedp.WaitVisible(chromedp.CSS(".trouble")))
	b.picture("problem")
	b.nowhere("a-value-that-nobody-sees")
	b.do("signing out", chromedp.Click(chromedp.CSS(".out button")), chromedp.WaitVisible(chromedp.CSS("#token")))
	r.end()
}

// browser is a headless Chromium. chromedp saves a client of its DevTools protocol.
type browser struct {
	t   *testing.T
	ctx context.Context
	// seen is all that was on pages.
	seen strings.Builder
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("no chromium-headless-shell; run make deps")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		// Chromium's own sandbox is none for root, and the page is ours.
		chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true))
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(allocated)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	messages, heard := chromedp.Console(ctx), make(chan []string, 1)
	go func() {
		var said []string
		for m, err := range messages {
			if err != nil {
				break
			}
			// What the server refuses is said there, too, and tested elsewhere.
			if m.Source != "network" {
				said = append(said, m.String())
			}
		}
		heard <- said
	}()
	t.Cleanup(func() {
		stop()
		// A policy that was broken, for one.
		if said := <-heard; len(said) > 0 {
			t.Errorf("the console says %q", said)
		}
	})
	return b
}

// do does something, within a time that is enough for a busy machine.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 30*time.Second)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.text())
	}
	b.seen.WriteString(b.text())
}

// text is the page as it is now.
func (b *browser) text() string {
	ctx, stop := context.WithTimeout(b.ctx, 5*time.Second)
	defer stop()
	html, err := chromedp.Run(ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		return err.Error()
	}
	return html
}

// until waits until an expression is true.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, 2*time.Minute)
	defer stop()
	for {
		// While a page comes in the place of another there is nothing to ask.
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && is {
			break
		}
		if ctx.Err() != nil {
			b.t.Fatalf("waiting until %s: %v\n%s", what, err, b.text())
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.seen.WriteString(b.text())
}

// nowhere looks that a text was on no page.
func (b *browser) nowhere(text string) {
	b.t.Helper()
	if strings.Contains(b.seen.String(), text) {
		b.t.Errorf("%q was on a page", text)
	}
}

// picture takes pictures: of a desktop and a phone, light and dark.
func (b *browser) picture(name string) {
	b.t.Helper()
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 800}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b.do("choosing a screen", chromedp.EmulateViewport(screen.width, screen.height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
				_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
					Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
				})
				return err
			}))
			wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			if err != nil || wide {
				b.t.Errorf("%s is wider than a %s (%v)", name, screen.name, err)
			}
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				b.t.Fatal(err)
			}
			file := filepath.Join(screenshots, fmt.Sprintf("%s-%s-%s.png", name, screen.name, scheme))
			if err := os.WriteFile(file, picture, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.do("looking with a desktop again", chromedp.EmulateViewport(1280, 800))
}
