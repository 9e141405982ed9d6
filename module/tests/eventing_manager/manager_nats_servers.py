"""Real NATS servers, started with what the chart renders, on ports of this host."""

import asyncio
import base64
import json
import re
import shutil
import sysconfig
from contextlib import asynccontextmanager

import aiohttp
import yaml
from manager_watching import PATIENCE

from kyma_harness.host.ports import PortPool
from kyma_harness.host.process import run, spawn

NO_ASCII = re.compile("[\x7f-\U0010ffff]")


def by_kind(objects):
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


def decoded(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def mounted(objects):
    """Return the files in the configuration volume of the pods, as the kubelet would put them there."""
    found = by_kind(objects)
    pod = found["StatefulSet", "eventing-nats"]["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "config"]
    files = {}
    for source in volume["projected"]["sources"]:
        if "configMap" in source:
            files |= found["ConfigMap", source["configMap"]["name"]]["data"]
        else:
            content = decoded(found["Secret", source["secret"]["name"]])
            files |= {item["path"]: content[item["key"]] for item in source["secret"]["items"]}
    return files


def _for_helm(values):
    """Write values in the YAML that helm reads: it has no surrogates, and not every character as it is."""
    text = json.dumps(values, ensure_ascii=False)
    return NO_ASCII.sub(lambda found: f"\\U{ord(found[0]):08x}", text).encode()


class Servers:
    """The servers of one StatefulSet; each is a process of its own, and keeps its ports and its store."""

    def __init__(self, *, tools, helm, chart, folder, ports):
        self._helm = [helm, "template", "eventing", chart, "--namespace=kyma-system", "--values=-"]
        self._program = shutil.which("nats-server", path=f"{tools.folder}:{sysconfig.get_path('scripts')}")
        self._folder = folder
        self._ports = {}
        self._pool = ports
        self._running = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        for ordinal in list(self._running):
            await self.stop(ordinal)

    async def rendered(self, **nats):
        values = _for_helm({"nats": {"enabled": True, **nats}})
        done = await run(self._helm, timeout=PATIENCE, stdin=values)
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    def port(self, ordinal, purpose):
        if (ordinal, purpose) not in self._ports:
            self._ports[ordinal, purpose] = self._pool.reserve()
        return self._ports[ordinal, purpose]

    async def start(self, ordinal, files):
        """Start a server as its container would; nothing is waited for."""
        folder = self._folder / str(ordinal)
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(self._here(content, ordinal))
        self._running[ordinal] = await spawn(
            [self._program, f"--config={folder}/nats.conf", f"--store_dir={folder}/data", "--addr=127.0.0.1"],
            name=f"nats-{ordinal}",
            env={"POD_NAME": f"eventing-nats-{ordinal}"},
            cwd=folder,
            stdout=folder / "log",
        )

    async def stop(self, ordinal):
        await self._running.pop(ordinal).terminate(5)

    def log(self, ordinal):
        return (self._folder / str(ordinal) / "log").read_text()

    async def asked(self, ordinal, path):
        """Return what a server's monitoring says, None where it does not answer."""
        url = f"http://127.0.0.1:{self.port(ordinal, 'monitor')}{path}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return await answer.json(content_type=None) if answer.ok else None
        except aiohttp.ClientError:
            return None

    async def peers(self, ordinal):
        """Return the names of the servers that a server has routes to."""
        routes = (await self.asked(ordinal, "/routez") or {}).get("routes") or []
        return {route["remote_name"] for route in routes}

    async def until_ready(self, *ordinals):
        """Wait as the start-up probe does: of several servers one is the leader, and the others follow it."""
        for ordinal in ordinals:
            await self.until(lambda at=ordinal: self.asked(at, "/healthz"), ordinal)

    async def until(self, ask, ordinal):
        """Wait until a question is answered by something true: NATS has nothing to watch."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (said := await ask()):  # noqa: ASYNC110 - there is no watch
                    await asyncio.sleep(0.05)
                return said
        except TimeoutError:
            raise AssertionError(f"server {ordinal}: {self._running[ordinal].log_tail()}") from None

    def _here(self, text, ordinal):
        """Return a file with the addresses of this host in the place of the pods'."""
        text = re.sub(
            r"eventing-nats-(\d)\.eventing-nats-headless\.kyma-system\.svc:6222",
            lambda found: f"127.0.0.1:{self.port(int(found[1]), 'cluster')}",
            text,
        )
        for purpose, line in {"client": "port: 4222", "monitor": "http_port: 8222"}.items():
            name = line.partition(":")[0]
            text = re.sub(rf"^{line}$", f"{name}: {self.port(ordinal, purpose)}", text, flags=re.MULTILINE)
        return text.replace("port: 6222", f'host: "127.0.0.1"\n  port: {self.port(ordinal, "cluster")}')


@asynccontextmanager
async def servers(**given):
    with PortPool() as ports:
        async with Servers(**given, ports=ports) as made:
            yield made
