"""Stand between a program and the API server, count its calls, and let a plan go wrong with them."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import web
from yarl import URL

from kubeloop.client import Client
from kubeloop.client.credentials import KubeconfigCredentials
from kubeloop.client.kubeconfig import as_text, kubeconfig_of
from kubeloop.logs import get_logger
from kyma_harness.faults.plan import (
    ApiCall,
    CallRecord,
    Calm,
    Cut,
    Delay,
    EndWatch,
    Expire,
    Fault,
    Kill,
    Moment,
    Plan,
    Recorded,
    Refuse,
)
from kyma_harness.host.paths import write_private


def cut_off(request: web.Request) -> web.Response:
    """Cut the connection of a request; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def refused(fault: Refuse, entry: Recorded) -> web.Response:
    """Refuse a call in the API server's words."""
    entry.status = fault.status
    status = _status(fault.status, fault.reason, f"a fault was injected into {entry.call}")
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
        status["details"] = {"retryAfterSeconds": fault.retry_after}
    return web.json_response(status, status=fault.status, headers=headers)


def expired(entry: Recorded) -> web.Response:
    """End a watch before it began, as an API server does that has forgotten its resource version."""
    entry.status = HTTPStatus.OK
    status = _status(HTTPStatus.GONE, "Expired", "too old resource version: a fault was injected")
    event = json.dumps({"type": "ERROR", "object": status}) + "\n"
    return web.Response(text=event, content_type="application/json")


def _status(code: int, reason: str, message: str) -> dict[str, object]:
    return {
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip


log = get_logger(__name__)

_HOST: Final = "127.0.0.1"
_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 90.0
"""Longer than any program's patience: who gives up first is the program under test."""

_TOKEN_SECONDS: Final = 24 * 3600
# Headers of one connection, and those that aiohttp writes itself.
_OF_THE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "content-encoding"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Where the API server is and how it proves that it is; no credentials of anybody."""

    server: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """Take server and authority from the kubeconfig's current context."""
        credentials = KubeconfigCredentials(str(kubeconfig))
        return cls(server=credentials.server, tls=credentials.trust())


class ApiProxy:
    """Forward calls to the API server as they are, the caller's credentials included, unless a plan objects.

    It has no credentials of its own, so it listens in plain HTTP and serves those who have a token: see
    ``kubeconfig_for``. What a ``Kill`` kills is set by ``aim``.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.record = CallRecord()
        self._upstream = upstream
        self._plan: Plan = Calm()
        self._kill: Callable[[], None] = _nobody_to_kill
        self._streams: set[asyncio.Task[object]] = set()
        self._is_down = False
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None
        self._port = 0

    @classmethod
    async def before(cls, kubeconfig: Path) -> Self:
        """Return a proxy in front of the API server of a kubeconfig's current context."""
        return cls(Upstream.of(kubeconfig))

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._upstream.tls or True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=timeout)
        )
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._serve)
        # A caller that is gone takes its calls with it, as the API server would let go of them.
        runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, _HOST, 0).start()
        self._port = runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut_streams()
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self._port}"

    async def kubeconfig_for(self, client: Client, account: str, namespace: str, path: Path) -> Path:
        """Write a kubeconfig with which a program comes through here as a ServiceAccount; good for a day."""
        request = await client.create_token(account, namespace, expiration_seconds=_TOKEN_SECONDS)
        document = kubeconfig_of({"server": self.url}, {"token": request["status"]["token"]}, name="faulty")
        return write_private(path, as_text(document))

    def aim(self, kill: Callable[[], None]) -> None:
        """Say what is to happen when a plan says Kill."""
        self._kill = kill

    @contextmanager
    def under(self, plan: Plan) -> Iterator[None]:
        """Go by a plan while the block runs, then by the one before."""
        log.info("faults begin", plan=str(plan))
        former, self._plan = self._plan, plan
        try:
            yield
        finally:
            self._plan = former

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Be an API server that is down while the block runs: nothing answers, and every watch is cut."""
        self._is_down = True
        self.cut_streams()
        try:
            yield
        finally:
            self._is_down = False

    def cut_streams(self) -> None:
        """Cut every watch that is open."""
        for stream in self._streams:
            stream.cancel()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._is_down:
            return cut_off(request)
        call = ApiCall.parse(request.method, request.path, request.query)
        entry = Recorded(call=call, fault=self._plan.meet(call))
        self.record.entries.append(entry)
        if entry.fault is None:
            return await self._forward(request, entry)
        log.info("fault", call=str(call), fault=str(entry.fault))
        return await self._go_wrong(request, entry, entry.fault)

    async def _go_wrong(self, request: web.Request, entry: Recorded, fault: Fault) -> web.StreamResponse:
        match fault:
            case Refuse():
                return refused(fault, entry)
            case Expire():
                return expired(entry)
            case Delay(seconds=seconds):
                await asyncio.sleep(seconds)
                return await self._forward(request, entry)
            case EndWatch(after=seconds):
                return await self._forward(request, entry, cut_after=seconds)
            case Cut(moment=moment) | Kill(moment=moment):
                if moment is Moment.AFTER:
                    await self._answer_to(request)
                if isinstance(fault, Kill):
                    self._kill()
                return cut_off(request)

    async def _forward(
        self, request: web.Request, entry: Recorded, *, cut_after: float | None = None
    ) -> web.StreamResponse:
        try:
            if entry.call.is_watch or request.query.get("follow") == "true":
                return await self._stream(request, entry, cut_after)
            response = await self._answer_to(request)
        except aiohttp.ClientError as error:
            log.warning("the API server cannot be reached", call=str(entry.call), error=str(error))
            return cut_off(request)
        entry.status = response.status
        return response

    async def _answer_to(self, request: web.Request) -> web.Response:
        async with asyncio.timeout(_ANSWER_SECONDS), self._ask(request, await request.read()) as answer:
            return web.Response(
                status=answer.status, headers=_handed_on(answer.headers), body=await answer.read()
            )

    async def _stream(
        self, request: web.Request, entry: Recorded, cut_after: float | None
    ) -> web.StreamResponse:
        async with self._ask(request, b"") as answer:
            entry.status = answer.status
            response = web.StreamResponse(status=answer.status, headers=_handed_on(answer.headers))
            await response.prepare(request)
            copying = asyncio.create_task(_copy(answer, response))
            self._streams.add(copying)
            try:
                async with asyncio.timeout(cut_after):
                    await asyncio.wait({copying})
            except TimeoutError:
                return cut_off(request)
            finally:
                self._streams.discard(copying)
                copying.cancel()
                answer.close()
            if copying.cancelled() or copying.exception() is not None:
                return cut_off(request)
            await response.write_eof()
            return response

    def _ask(self, request: web.Request, body: bytes) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            raise RuntimeError("the proxy is not running: use it as an async context manager")
        return self._session.request(
            request.method,
            URL(f"{self._upstream.server}{request.raw_path}", encoded=True),
            headers=_handed_on(request.headers),
            data=body or None,
            allow_redirects=False,
        )


async def _copy(answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    async for chunk in answer.content.iter_any():
        await response.write(chunk)


def _nobody_to_kill() -> None:
    raise RuntimeError("a plan says Kill, and the proxy was not told whom: call aim() first")


def _handed_on(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION]
