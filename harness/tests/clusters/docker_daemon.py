"""A Docker daemon's HTTP API as far as providers use it, answering with what is in a file.

The answers are shaped as a real daemon (API 1.41) gave them for the registry and a node of a k3d cluster.
"""

import asyncio
import io
import itertools
import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web


class RecordedDaemon:
    """The containers in ``file``, a JSON mapping of names to labels, ports and states."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.put({})
        self.removed: list[str] = []
        self.broken: tuple[int, str] | None = None
        """The status and the message of every answer but the version, while it is set; 0 hangs up."""
        self.lacking: dict[str, list[dict]] = {}
        """The images that it lacks, and what it tells while it pulls each."""
        self.pulled: list[str] = []
        self.endless = False
        """Whether a pull never comes to its end."""
        self.pulling = asyncio.Event()
        self.hung_up = asyncio.Event()
        """Set once a pull was given up by who asked for it."""
        self.written: dict[tuple[str, str], str] = {}
        """What was written into containers, by container and path."""

    def put(self, containers):
        self._file.write_text(json.dumps(containers))

    @property
    def containers(self):
        return json.loads(self._file.read_text())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application(middlewares=[self._break])
        app.router.add_get("/version", self._version)
        app.router.add_get("/{api}/version", self._version)
        app.router.add_get("/{api}/containers/json", self._list)
        app.router.add_get("/{api}/containers/{name}/json", self._inspect)
        app.router.add_get("/{api}/containers/{name}/logs", self._logs)
        app.router.add_post("/{api}/containers/create", self._create)
        app.router.add_post("/{api}/containers/{name}/start", self._nothing)
        app.router.add_put("/{api}/containers/{name}/archive", self._write)
        app.router.add_get("/{api}/images/{name:.*}/json", self._image)
        app.router.add_post("/{api}/images/create", self._pull)
        app.router.add_get("/{api}/networks/{name}", self._network)
        app.router.add_post("/{api}/networks/{name}/connect", self._connect)
        app.router.add_get("/{api}/volumes/{name}", self._no_volume)
        app.router.add_delete("/{api}/{kind}/{name}", self._remove)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            yield f"tcp://{host}:{port}"
        finally:
            await runner.cleanup()

    @web.middleware
    async def _break(self, request, handler):
        if self.broken is None or request.path.endswith("/version"):
            return await handler(request)
        status, message = self.broken
        if not status:
            request.transport.abort()
        return web.json_response({"message": message}, status=status or 500)

    async def _version(self, _):
        return web.json_response({"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"})

    async def _list(self, request):
        wanted = json.loads(request.query.get("filters", "{}")).get("label", [])
        found = [
            {"Id": name}
            for name, container in self.containers.items()
            if all(_matches(container["labels"], label) for label in wanted)
        ]
        return web.json_response(found)

    async def _inspect(self, request):
        name = request.match_info["name"]
        if name not in self.containers:
            return web.json_response({"message": f"No such container: {name}"}, status=404)
        container = self.containers[name]
        ports = {
            port: [{"HostIp": "127.0.0.1", "HostPort": host}] for port, host in container["ports"].items()
        }
        networks = {name: {"IPAddress": address} for name, address in container["networks"].items()}
        attributes = {
            "Id": name,
            "Name": f"/{name}",
            "Config": {"Labels": container["labels"], "Tty": True},
            "State": {"Status": container["status"], "Running": container["status"] == "running"},
            "NetworkSettings": {"Ports": ports, "Networks": networks},
            "HostConfig": {"LogConfig": {"Type": "json-file"}},
        }
        return web.json_response(attributes)

    async def _image(self, request):
        name = request.match_info["name"]
        if name in self.lacking:
            return web.json_response({"message": f"No such image: {name}"}, status=404)
        return web.json_response({"Id": f"sha256:{name}"})

    async def _pull(self, request):
        name = f"{request.query['fromImage']}:{request.query['tag']}"
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for event in itertools.cycle(self.lacking[name]) if self.endless else self.lacking[name]:
                await response.write(json.dumps(event).encode() + b"\r\n")
                self.pulling.set()
                await asyncio.sleep(0.01 if self.endless else 0)
        except ConnectionError:
            self.hung_up.set()
        self.pulled.append(name)
        return response

    async def _create(self, request):
        wanted = await request.json()
        bound = wanted["HostConfig"]["PortBindings"]
        ports = {port: hosts[0]["HostPort"] for port, hosts in bound.items()}
        made = a_container(labels=wanted["Labels"], ports=ports)
        self.put(self.containers | {request.query["name"]: made})
        return web.json_response({"Id": request.query["name"]}, status=201)

    async def _write(self, request):
        with tarfile.open(fileobj=io.BytesIO(await request.read())) as archive:
            for member in archive:
                content = archive.extractfile(member).read().decode()
                self.written[request.match_info["name"], f"/{member.name}"] = content
        return web.Response()

    async def _network(self, request):
        return web.json_response({"Id": request.match_info["name"], "Name": request.match_info["name"]})

    async def _no_volume(self, request):
        return web.json_response({"message": f"get {request.match_info['name']}: no such volume"}, status=404)

    async def _connect(self, request):
        name = (await request.json())["Container"]
        known = self.containers
        known[name]["networks"][request.match_info["name"]] = "172.18.0.9"
        self.put(known)
        return web.Response()

    async def _nothing(self, _):
        return web.Response(status=204)

    async def _logs(self, request):
        return web.Response(body=f"what {request.match_info['name']} wrote\n".encode())

    async def _remove(self, request):
        name = request.match_info["name"]
        known = self.containers
        if request.match_info["kind"] != "containers" or name not in known:
            return web.json_response({"message": f"no such thing: {name}"}, status=404)
        self.put({other: one for other, one in known.items() if other != name})
        self.removed.append(name)
        return web.Response(status=204)


def a_container(*, status="running", ports=None, networks=None, **labels):
    """Describe a container; a label's dots and dashes are written as in ``labels={...}``."""
    return {
        "labels": labels.pop("labels", {}) | labels,
        "status": status,
        "ports": ports or {},
        "networks": networks or {"bridge": "172.17.0.2"},
    }


def _matches(labels, wanted):
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)
