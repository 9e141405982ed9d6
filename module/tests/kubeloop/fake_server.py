"""An API server that answers as it is told: for what a real one does too seldom to wait for."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from kubeloop.client.kubeconfig import as_text, kubeconfig_of
from kubeloop.kinds import CONFIG_MAP
from kubeloop.reflector import Reflector, ReflectorTimings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from kubeloop.client import Client

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RESOURCES = {
    "kind": "APIResourceList",
    "resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}],
}


class FakeServer:
    """Serve discovery of ConfigMaps, an empty list of them, and a watch that the test writes."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.url = ""
        self.resources = json.dumps(RESOURCES)
        self.on_watch: Handler = self.quiet_watch
        self.on_list: Handler = self.empty_list

    async def quiet_watch(self, request: web.Request) -> web.StreamResponse:
        return await streamed(request, b"")

    async def empty_list(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "10"}, "items": []})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path == "/api/v1":
            return web.Response(text=self.resources, content_type="application/json")
        return await (self.on_watch if "watch" in request.query else self.on_list)(request)

    def watched_from(self) -> list[str]:
        """Return the resource versions of the watches so far."""
        return [request.query["resourceVersion"] for request in self.requests if "watch" in request.query]

    def lists(self) -> int:
        """Return how often was listed."""
        return sum("limit" in request.query for request in self.requests)

    def write_kubeconfig(self, path: Path, user: dict[str, object]) -> Path:
        path.write_text(as_text(kubeconfig_of({"server": self.url}, user)))
        return path


@asynccontextmanager
async def running_fake_server() -> AsyncIterator[FakeServer]:
    server = FakeServer()
    runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def answers(*args: Any, **settings: Any) -> Handler:
    """Return what answers each request with the same."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(*args, **settings)

    return answer


async def streamed(request: web.Request, *chunks: bytes) -> web.StreamResponse:
    """Answer in chunks, each of which reaches the client by itself, and end."""
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
    return response


def event(event_type: str, name: str, version: str) -> bytes:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default", "resourceVersion": version},
    }
    return json.dumps({"type": event_type, "object": obj}).encode() + b"\n"


def status(code: int, reason: str, **details: object) -> dict[str, object]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "code": code,
        "reason": reason,
        "message": f"for reasons of {reason}",
        "details": details,
    }


async def watched(client: Client, **settings: Any) -> list[str]:
    """Return the names a watch tells of, until it ends or fails."""
    watch = client.watch(CONFIG_MAP, resource_version="10", **settings)
    return [seen.object["metadata"]["name"] async for seen in watch]


def a_reflector(client: Client) -> Reflector:
    """Return one that takes watches as short as those of the fake server for what they are."""
    return Reflector(client, CONFIG_MAP, timings=ReflectorTimings(short_watch=0))
