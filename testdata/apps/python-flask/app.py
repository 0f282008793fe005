"""A page that says what runs it."""

import os
import platform
from importlib.metadata import version

from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def index():
    return render_template("index.html", flask=version("flask"), python=platform.python_version())


@app.get("/settings")
def settings():
    return {name: os.environ.get(name) for name in ("WEB_CONCURRENCY", "PYTHONUNBUFFERED", "FORWARDED_ALLOW_IPS")}
