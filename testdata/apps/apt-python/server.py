"""Runs a program and a library of Debian packages."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sodium = ctypes.CDLL("libsodium.so.23")
sodium.sodium_version_string.restype = ctypes.c_char_p


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        question = json.dumps({"of": {"a": "jq", "lib": sodium.sodium_version_string().decode()}})
        answer = subprocess.run(["jq", "-r", '"\\(.of.a) runs, libsodium is \\(.of.lib)"'], input=question, capture_output=True, text=True, check=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.stdout.encode())


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
