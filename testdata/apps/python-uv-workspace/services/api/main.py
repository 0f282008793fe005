"""The app of a workspace: it answers with what another member says."""

import os
import platform
import signal
import sys

import bottle
import greeting


@bottle.get("/")
def index():
    return f"{greeting.hello('workspace')} on Python {platform.python_version()}, in {os.getcwd()}\n"


if __name__ == "__main__":
    # The first process of a container ends on SIGTERM only when it says so.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    bottle.run(server="waitress", host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
