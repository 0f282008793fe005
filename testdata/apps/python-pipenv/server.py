"""A page that says what runs it; how it is started, the Procfile says."""

import platform
from importlib.metadata import version

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return f"Flask {version('flask')} on Python {platform.python_version()}, from a Pipfile\n"
