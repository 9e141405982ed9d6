"""Carry out probe handlers and lifecycle hooks, as a kubelet does: httpGet, tcpSocket, exec, sleep."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from kyma_harness.host import process
from kyma_harness.host.errors import HarnessError
from kyma_harness.node.addresses import Address
from kyma_harness.node.containers.launch import Launch
from kyma_harness.node.containers.probes import Answer
from kyma_harness.node.containers.view import joined, rewrite_all
from kyma_harness.node.errors import AddressError
from kyma_harness.node.expansion import expanded
from kyma_harness.node.sandbox import Sandbox

_OK, _REDIRECTED, _ERRORS = 200, 300, 400
_FOLLOWED = frozenset({301, 302, 303, 307, 308})
_REDIRECTS = 10
_SHOWN_BYTES = 1024
# Longer than anything takes: a hook may take as long as it likes, and who waits for it has limits of his own.
_NO_LIMIT = 10 * 365 * 24 * 3600.0
# The kubelet of which this is the manner; some programs answer their probes by this alone.
_VERSION = "1.37"
_NOT_SENT = frozenset({"Accept", "Accept-Encoding", "Content-Type", "User-Agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running container, as a probe or hook addresses it; `pid` is that of its process."""

    pid: int
    container: Mapping[str, Any]
    launch: Launch
    sandbox: Sandbox

    def address(self, port: int | str) -> Address:
        """Return where a container port is to be found, by number or name; raises AddressError."""
        number = self._number(port)
        if number not in self.sandbox.ports:
            raise AddressError(
                f"container port {port} has no host port: add {number} to `listen` in the process rule for"
                f" {self.container['image']}"
            )
        return self.sandbox.ports[number]

    def redirected(self, location: URL) -> URL | None:
        """Return where a redirection within the pod leads; None where it leads to anybody else."""
        if location.host is None or location.port is None:
            return None
        known = self.sandbox.ports.values()
        if Address(location.host, location.port) in known:
            return location
        address = self.sandbox.ports.get(location.port)
        if address is None or location.host not in {one.host for one in known}:
            return None
        return location.with_host(address.host).with_port(address.port)

    def _number(self, port: int | str) -> int:
        if isinstance(port, int) or port.isdigit():
            return int(port)
        for known in self.container.get("ports") or ():
            if known.get("name") == port:
                return int(known["containerPort"])
        raise AddressError(f"container {self.container['name']} has no port named {port}")


class Handlers:
    """Ask containers and tell them things."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def probe(self, handler: Mapping[str, Any], target: Target, *, limit: float) -> Answer:
        """Ask within so many seconds; whatever goes wrong is a failed answer."""
        try:
            async with asyncio.timeout(limit):
                if action := handler.get("httpGet"):
                    return await self._get(_url(action, target), _headers(action, "probe"), target)
                if action := handler.get("exec"):
                    command = _with_static_values(action["command"], target.container)
                    return await self._exec(command, target)
                if action := handler.get("tcpSocket"):
                    return await self._connect(target.address(action["port"]))
        except TimeoutError:
            return Answer(success=False, message=f"no answer within {limit:g} s")
        except (aiohttp.ClientError, OSError, HarnessError, ValueError) as error:
            return Answer(success=False, message=str(error) or type(error).__name__)
        return _unknown(handler)

    async def run_hook(self, hook: Mapping[str, Any], target: Target) -> Answer:
        """Carry out a hook, however long it takes; whatever goes wrong is a failed answer."""
        try:
            if action := hook.get("httpGet"):
                return await self._http_hook(action, target)
            if action := hook.get("exec"):
                return await self._exec(action["command"], target)
            if action := hook.get("tcpSocket"):
                return await self._connect(target.address(action["port"]))
            if action := hook.get("sleep"):
                await asyncio.sleep(action["seconds"])
                return Answer(success=True)
        except (aiohttp.ClientError, OSError, HarnessError, ValueError) as error:
            return Answer(success=False, message=str(error) or type(error).__name__)
        return _unknown(hook)

    async def _http_hook(self, action: Mapping[str, Any], target: Target) -> Answer:
        """Send the request; a hook has done its part with any answer, also one without TLS."""
        url, headers = _url(action, target), _headers(action, "lifecycle")
        try:
            await self._get(url, headers, target)
        except aiohttp.ClientSSLError:
            headers.popall("Authorization", None)
            await self._get(url.with_scheme("http"), headers, target)
        return Answer(success=True)

    async def _get(self, url: URL, headers: CIMultiDict[str], target: Target) -> Answer:
        """Ask, and follow redirections within the pod; where one leads out of it, the container has answered.

        As for a kubelet: who signed the certificate is no matter, and no headers are sent but those given.
        """
        for _ in range(_REDIRECTS):
            asking = self._session.get(
                url, headers=headers, ssl=False, allow_redirects=False, skip_auto_headers=_NOT_SENT
            )
            async with asking as response:
                following = _following(response, url, target)
                if following is None:
                    return await _judged(response)
            url = following
        return Answer(success=False, message=f"stopped after {_REDIRECTS} redirects")

    async def _connect(self, address: Address) -> Answer:
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.close()
        return Answer(success=True)

    async def _exec(self, command: Sequence[str], target: Target) -> Answer:
        launch = target.launch
        completed = await process.run(
            rewrite_all(launch.view, command), timeout=_NO_LIMIT, env=launch.env, cwd=launch.cwd,
            check=False, spares_group=True, root=joined(launch.view, target.pid),
        )  # fmt: skip
        if completed.returncode == 0:
            return Answer(success=True)
        output = (completed.stdout + completed.stderr).strip()[:_SHOWN_BYTES]
        return Answer(success=False, message=output or f"command ended with exit code {completed.returncode}")


def _unknown(handler: Mapping[str, Any]) -> Answer:
    named = "grpc" if "grpc" in handler else "none of these"
    message = f"the process node knows httpGet, tcpSocket and exec only, not {named}"
    return Answer(success=False, message=message)


def _following(response: aiohttp.ClientResponse, url: URL, target: Target) -> URL | None:
    """Return where to ask next; None where this is the answer."""
    location = response.headers.get("Location")
    if response.status not in _FOLLOWED or not location:
        return None
    return target.redirected(url.join(URL(location)))


def _url(action: Mapping[str, Any], target: Target) -> URL:
    scheme = action.get("scheme", "HTTP").lower()
    return URL(f"{scheme}://{target.address(action['port'])}/{action.get('path', '/').lstrip('/')}")


def _headers(action: Mapping[str, Any], purpose: str) -> CIMultiDict[str]:
    """Return the headers of a request: those given, each as often as it is given, and a kubelet's own."""
    headers = CIMultiDict((one["name"], one["value"]) for one in action.get("httpHeaders") or ())
    headers.setdefault("User-Agent", f"kube-{purpose}/{_VERSION}")
    if not headers.setdefault("Accept", "*/*"):
        del headers["Accept"]
    return headers


async def _judged(response: aiohttp.ClientResponse) -> Answer:
    if not _OK <= response.status < _ERRORS:
        return Answer(success=False, message=f"HTTP probe failed with statuscode: {response.status}")
    if response.status < _REDIRECTED:
        return Answer(success=True)
    body = (await response.content.read(_SHOWN_BYTES)).decode(errors="replace")
    return Answer(success=True, message=f"Probe terminated redirects, Response body: {body}")


def _with_static_values(command: Sequence[str], container: Mapping[str, Any]) -> list[str]:
    """Replace `$(NAME)` in an exec probe's command by the values that are written in the container itself."""
    values = {one["name"]: str(one.get("value", "")) for one in container.get("env") or ()}
    return [expanded(word, values) for word in command]
