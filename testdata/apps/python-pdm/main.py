"""A Bottle app that starts its own server, on the port of the environment."""

import os
import platform
import signal
import sys

import bottle


@bottle.get("/")
def index():
    return f"Bottle {bottle.__version__} on Python {platform.python_version()}\n"


if __name__ == "__main__":
    # The first process of a container ends on SIGTERM only when it says so.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    bottle.run(server="waitress", host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
