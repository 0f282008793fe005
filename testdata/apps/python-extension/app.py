"""Says whether the extension was compiled. Python's own server is enough."""

import os
import platform
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import markupsafe


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{markupsafe.escape.__module__}, {markupsafe._escape_inner.__module__} on Python {platform.python_version()}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Page).serve_forever()
