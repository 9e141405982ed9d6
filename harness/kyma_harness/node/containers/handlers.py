"""Carry out probe handlers and lifecycle hooks: httpGet, tcpSocket, exec, sleep."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from kyma_harness.host import process
from kyma_harness.host.errors import HarnessError
from kyma_harness.node.containers.launch import Launch
from kyma_harness.node.errors import AddressError
from kyma_harness.node.rules.placeholders import HOST
from kyma_harness.node.sandbox import Sandbox

_OK, _ERRORS = 200, 400
_SHOWN_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the container did what was asked, and if not, why."""

    success: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running container, as a probe or hook addresses it."""

    container: Mapping[str, Any]
    launch: Launch
    sandbox: Sandbox

    def host_port(self, port: int | str) -> int:
        """Return the host port for a container port, by number or name; raises AddressError."""
        number = self._number(port)
        if number not in self.sandbox.ports:
            raise AddressError(
                f"container port {port} has no host port: add {number} to `listen` in the process rule for"
                f" {self.container['image']}"
            )
        return self.sandbox.ports[number]

    def _number(self, port: int | str) -> int:
        if isinstance(port, int) or port.isdigit():
            return int(port)
        for known in self.container.get("ports") or ():
            if known.get("name") == port:
                return int(known["containerPort"])
        raise AddressError(f"container {self.container['name']} has no port named {port}")


class Handlers:
    """Ask containers and tell them things; every question has a limit."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, handler: Mapping[str, Any], target: Target, *, limit: float) -> Answer:
        """Carry out a handler within so many seconds; whatever goes wrong is a failed answer."""
        try:
            async with asyncio.timeout(limit):
                return await self._ask(handler, target, limit)
        except TimeoutError:
            return Answer(success=False, message=f"no answer within {limit:g} s")
        except (aiohttp.ClientError, OSError, HarnessError) as error:
            return Answer(success=False, message=str(error) or type(error).__name__)

    async def _ask(self, handler: Mapping[str, Any], target: Target, limit: float) -> Answer:
        if "httpGet" in handler:
            return await self._http_get(handler["httpGet"], target)
        if "tcpSocket" in handler:
            return await self._connect(target.host_port(handler["tcpSocket"]["port"]))
        if "exec" in handler:
            return await self._exec(handler["exec"]["command"], target, limit)
        if "sleep" in handler:
            await asyncio.sleep(handler["sleep"]["seconds"])
            return Answer(success=True)
        return Answer(
            success=False, message="the process node knows httpGet, tcpSocket and exec handlers only"
        )

    async def _http_get(self, action: Mapping[str, Any], target: Target) -> Answer:
        scheme = action.get("scheme", "HTTP").lower()
        url = f"{scheme}://{HOST}:{target.host_port(action['port'])}/{action.get('path', '/').lstrip('/')}"
        headers = {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
        # Like a kubelet: a probe does not ask who signed the certificate.
        async with self._session.get(url, headers=headers, ssl=False) as response:
            if _OK <= response.status < _ERRORS:
                return Answer(success=True)
            body = (await response.content.read(_SHOWN_BYTES)).decode(errors="replace").strip()
            message = f"HTTP probe failed with statuscode: {response.status}"
            return Answer(success=False, message=f"{message}: {body}" if body else message)

    async def _connect(self, port: int) -> Answer:
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        return Answer(success=True)

    async def _exec(self, command: list[str], target: Target, limit: float) -> Answer:
        launch = target.launch
        completed = await process.run(
            launch.mounts.rewrite_all(command), timeout=limit, env=launch.env, cwd=launch.cwd, check=False
        )
        if completed.returncode == 0:
            return Answer(success=True)
        output = (completed.stdout + completed.stderr).strip()[:_SHOWN_BYTES]
        return Answer(success=False, message=output or f"command ended with exit code {completed.returncode}")
