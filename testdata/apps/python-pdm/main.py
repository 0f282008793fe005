"""A Bottle app that starts its own server, on the port of the environment."""

import os
import platform

import bottle


@bottle.get("/")
def index():
    return f"Bottle {bottle.__version__} on Python {platform.python_version()}\n"


if __name__ == "__main__":
    bottle.run(server="waitress", host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
