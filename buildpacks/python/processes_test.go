package python_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

// The start of an app is found by its framework and by what is installed.
func TestStart(t *testing.T) {
	r := newRegistries(t)
	const p = "${PORT:-8000}"
	for name, test := range map[string]struct {
		packages string
		files    map[string]string
		want     string
		says     []string
	}{
		"Flask": {"flask gunicorn", map[string]string{"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, "gunicorn --bind 0.0.0.0:" + p + " app:app", nil},
		"Flask under another name in a package": {"flask gunicorn", map[string]string{"app/__init__.py": "import flask\nserver: flask.Flask = flask.Flask(\n    __name__)\n"},
			"gunicorn --bind 0.0.0.0:" + p + " app:server", nil},
		"Flask with a factory": {"flask gunicorn", map[string]string{"app/__init__.py": "from flask import Flask\n\n\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n"},
			"gunicorn --bind 0.0.0.0:" + p + " 'app:create_app()'", nil},
		"Flask that a module makes": {"flask gunicorn", map[string]string{"app/__init__.py": "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n", "wsgi.py": "from app import create_app\napp = create_app('production')\n"},
			"gunicorn --bind 0.0.0.0:" + p + " wsgi:app", nil},
		"Flask in an explanation": {"flask gunicorn", map[string]string{"main.py": "\"\"\"Usage:\n\napp = Flask(__name__)\n\"\"\"\n# other = Flask(1)\n", "server.py": "from flask import Flask\nreal = Flask('#')\n"},
			"gunicorn --bind 0.0.0.0:" + p + " server:real", nil},
		"Flask in src":                 {"flask gunicorn", map[string]string{"src/app.py": "app = Flask(__name__)\n"}, "gunicorn --chdir src --bind 0.0.0.0:" + p + " app:app", nil},
		"Flask and waitress":           {"flask waitress", map[string]string{"app.py": "app = Flask(__name__)\n"}, "waitress-serve --listen=0.0.0.0:" + p + " app:app", nil},
		"Flask without server":         {"flask", map[string]string{"app.py": "app = Flask(__name__)\n"}, "flask --app app run --host 0.0.0.0 --port " + p, []string{"No server for production is installed", "gunicorn"}},
		"Dash":                         {"flask dash gunicorn", map[string]string{"app.py": "app = Dash(__name__)\nserver = app.server\n"}, "gunicorn --bind 0.0.0.0:" + p + " app:server", nil},
		"FastAPI":                      {"fastapi starlette uvicorn", map[string]string{"main.py": "from fastapi import FastAPI\napp = FastAPI(title='x')\n"}, "uvicorn --host 0.0.0.0 --port " + p + " main:app", nil},
		"FastAPI in a package":         {"fastapi uvicorn", map[string]string{"app/main.py": "api = fastapi.FastAPI()\n"}, "uvicorn --host 0.0.0.0 --port " + p + " app.main:api", nil},
		"FastAPI in src":               {"fastapi uvicorn", map[string]string{"src/app/main.py": "api = FastAPI()\n"}, "uvicorn --host 0.0.0.0 --port " + p + " --app-dir src app.main:api", nil},
		"FastAPI by a factory":         {"fastapi uvicorn", map[string]string{"main.py": "def create_app() -> FastAPI:\n    return FastAPI()\n"}, "uvicorn --host 0.0.0.0 --port " + p + " --factory main:create_app", nil},
		"Starlette, hypercorn":         {"starlette hypercorn", map[string]string{"main.py": "app = Starlette(routes=[])\n"}, "hypercorn --bind 0.0.0.0:" + p + " main:app", nil},
		"Litestar, granian":            {"litestar granian", map[string]string{"app.py": "app = Litestar([index])\n"}, "granian --interface asgi --host 0.0.0.0 --port " + p + " app:app", nil},
		"FastHTML":                     {"python-fasthtml starlette uvicorn", map[string]string{"main.py": "from fasthtml.common import *\napp, rt = fast_app()\n"}, "uvicorn --host 0.0.0.0 --port " + p + " main:app", nil},
		"Tornado with an option":       {"tornado", map[string]string{"app.py": "from tornado.options import define\ndefine(\"port\", default=8888)\napp.listen(options.port)\n"}, "python app.py --port=" + p, nil},
		"Tornado with argparse":        {"tornado", map[string]string{"server.py": "import argparse, tornado.web\nparser.add_argument('-p', '--port', type=int)\napp.listen(args.port)\n"}, "python server.py --port=" + p, nil},
		"Tornado that reads PORT":      {"tornado", map[string]string{"main.py": "import tornado.web\napp.listen(int(os.environ.get('PORT', 8000)))\n"}, "python main.py", nil},
		"Tornado on a port of its own": {"tornado", map[string]string{"main.py": "import tornado.web\napp.listen(8888)\n"}, "python main.py", []string{"main.py listens on a port of its own", `os.environ.get("PORT", 8000)`}},
		"Streamlit":                    {"streamlit", map[string]string{"streamlit_app.py": "import streamlit as st\n"}, "streamlit run streamlit_app.py --server.address 0.0.0.0 --server.port " + p + " --server.headless true", nil},
		"Gradio":                       {"gradio fastapi uvicorn", map[string]string{"app.py": "import gradio as gr\ndemo = gr.Interface(f)\ndemo.launch()\n"}, "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=" + p + " python app.py", nil},
		"Django, gunicorn":             {"django gunicorn uvicorn", map[string]string{"manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.production')", "config/wsgi.py": "", "other/wsgi.py": ""}, "gunicorn --bind 0.0.0.0:" + p + " config.wsgi", nil},
		"Django, uvicorn":              {"django uvicorn", map[string]string{"manage.py": "", "shop/asgi.py": "", "shop/wsgi.py": ""}, "uvicorn --host 0.0.0.0 --port " + p + " shop.asgi:application", nil},
		"Django, daphne":               {"django daphne", map[string]string{"manage.py": "", "shop/asgi.py": ""}, "daphne -b 0.0.0.0 -p " + p + " shop.asgi:application", nil},
		"Django in a directory":        {"django gunicorn", map[string]string{"web/manage.py": "", "web/shop/wsgi.py": ""}, "gunicorn --chdir web --bind 0.0.0.0:" + p + " shop.wsgi", nil},
		"Django without server":        {"django", map[string]string{"manage.py": "", "shop/wsgi.py": ""}, "python manage.py runserver --noreload 0.0.0.0:" + p, []string{"No server for production is installed"}},
		"Bottle in a script":           {"bottle waitress", map[string]string{"main.py": "import bottle\nbottle.run(port=int(os.environ['PORT']))\n"}, "python main.py", nil},
		"a script":                     {"requests", map[string]string{"bot.py": "print()"}, "python bot.py", nil},
		"a package that runs":          {"requests", map[string]string{"worker/__main__.py": ""}, "python -m worker", nil},
		"a Procfile":                   {"flask gunicorn", map[string]string{"app.py": "app = Flask(__name__)\n", "Procfile": "web: gunicorn app:app\n"}, "", []string{"The Procfile says it"}},
		"a Procfile without web":       {"flask gunicorn", map[string]string{"app.py": "app = Flask(__name__)\n", "Procfile": "worker: python w.py\n"}, "gunicorn --bind 0.0.0.0:" + p + " app:app", nil},
		"nothing":                      {"requests", map[string]string{"lib.py": ""}, "", []string{"Nothing says how the app starts", "> Procfile", "git add Procfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := connected(t, r)
			s.Remove("app.py")
			var lines strings.Builder
			for name := range strings.FieldsSeq(test.packages) {
				lines.WriteString(name + "==1\n")
			}
			s.Write(map[string]string{"requirements.txt": lines.String()})
			s.Write(test.files)
			out := s.mustBuild()
			if test.want != "" {
				languagetest.Holds(t, out, "       web: "+test.want+" (")
			} else {
				languagetest.Lacks(t, out, "       web: ")
			}
			languagetest.Holds(t, out, test.says...)
		})
	}
}
