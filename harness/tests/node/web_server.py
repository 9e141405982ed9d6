"""A container's program: an HTTP server that tells what it sees, and can be made unhealthy or slow to end."""

import argparse
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--config", type=Path, default=None)
    parser.add_argument("--unhealthy-if", type=Path, default=None)
    parser.add_argument("--ignore-sigterm", action="store_true")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.ignore_sigterm else lambda *_: leave())
    say(f"listening on {options.listen}")
    ThreadingHTTPServer((host, int(port)), handler(options)).serve_forever()


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def leave():
    say("leaving")
    sys.exit(0)


def handler(options):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            unhealthy = options.unhealthy_if is not None and options.unhealthy_if.exists()
            answer = {
                "path": self.path,
                "pid": os.getpid(),
                "environment": dict(os.environ),
                "config": options.config.read_text() if options.config else None,
            }
            self.send_response(503 if unhealthy and self.path == "/healthz" else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            if self.path != "/healthz":
                say(f"GET {self.path}")

    return Handler


if __name__ == "__main__":
    main()
