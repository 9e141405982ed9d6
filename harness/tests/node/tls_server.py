"""A container's program that the API server dials: an admission webhook, and an aggregated API beside it."""

import argparse
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "weather.example.com/v1",
    "resources": [
        {"name": "storms", "singularName": "storm", "namespaced": False, "kind": "Storm", "verbs": ["list"]}
    ],
}
GROUP = {
    "kind": "APIGroup",
    "apiVersion": "v1",
    "name": "weather.example.com",
    "versions": [{"groupVersion": "weather.example.com/v1", "version": "v1"}],
    "preferredVersion": {"groupVersion": "weather.example.com/v1", "version": "v1"},
}
STORMS = {
    "kind": "StormList",
    "apiVersion": "weather.example.com/v1",
    "metadata": {},
    "items": [{"kind": "Storm", "apiVersion": "weather.example.com/v1", "metadata": {"name": "xaver"}}],
}
ANSWERS = {
    "/apis/weather.example.com": GROUP,
    "/apis/weather.example.com/v1": RESOURCES,
    "/apis/weather.example.com/v1/storms": STORMS,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        self._answer(ANSWERS.get(path, {"path": path}), 200 if path in ANSWERS or path == "/healthz" else 404)

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = review["request"]["name"]
        response = {"uid": review["request"]["uid"], "allowed": name != "forbidden"}
        if not response["allowed"]:
            response["status"] = {"message": f"nobody may be called {name}"}
        self._answer({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})

    def _answer(self, content, status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
