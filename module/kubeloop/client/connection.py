"""Carry requests to the API server and turn what comes back into values or errors."""

from __future__ import annotations

import json
import math
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from aiohttp import ClientError, ClientResponse, ClientTimeout
from kubernetes.aio.client.rest import RESTClientObject
from yarl import URL

from kubeloop.errors import ApiError, UnreachableError, api_error_class

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from types import TracebackType

    from kubeloop.client.credentials import Credentials

CONNECT_TIMEOUT = 10.0

_READS = frozenset({"GET", "HEAD"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Connection(AbstractAsyncContextManager["Connection"]):
    """Hold one pool of connections to one API server.

    Usable between entering and leaving it as a context manager.
    """

    def __init__(self, credentials: Credentials, *, user_agent: str, timeout: float) -> None:
        self._credentials = credentials
        self._user_agent = user_agent
        self._timeout = timeout
        self._rest: RESTClientObject | None = None
        self._permit: Callable[[], float] = lambda: math.inf
        self._on_write: Callable[[str, str], None] = lambda _method, _path: None

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._credentials.server

    async def __aenter__(self) -> Self:
        async with self._credentials.configured() as configuration:
            # Every watch holds a connection: a pool with a limit would one day be full of watches.
            configuration.connection_pool_maxsize = 0
            if URL(self.server).host in _LOOPBACK:
                # As in Go, a proxy named by the environment is never asked for this very machine.
                configuration.client_session_kwargs = {"trust_env": False}
            self._rest = RESTClientObject(configuration)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._rest is not None:
            await self._rest.close()
            self._rest = None

    def guarded(self, permit: Callable[[], float]) -> Connection:
        """Return the same connection, open as it is, that asks before each write how long it may take."""
        connection = copy(self)
        connection._permit = permit  # noqa: SLF001 - our own
        return connection

    def observed(self, on_write: Callable[[str, str], None]) -> Connection:
        """Return the same connection, open as it is, that tells of each write."""
        connection = copy(self)
        connection._on_write = on_write  # noqa: SLF001 - our own
        return connection

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float | None = None,  # noqa: ASYNC109 - handed to the HTTP client, per request
        subject: str = "",
    ) -> dict[str, Any] | str:
        """Send a request and return the answer, decoded where it is JSON.

        Raises ApiError for a refusal and UnreachableError where no answer came within ``timeout`` seconds.
        """
        async with self._exchange(
            method,
            path,
            query=query,
            limit=timeout or self._timeout,
            body=body,
            content_type=content_type,
        ) as response:
            text = await response.text(errors="replace")
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(method, path, subject, response, text)
        return self._decoded(text) if response.content_type.endswith("json") else text

    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        inactivity: float,
        subject: str = "",
    ) -> AsyncGenerator[bytes]:
        """Send a request and yield the answer's bytes as they come.

        Raises UnreachableError after ``inactivity`` seconds without any.
        """
        async with self._exchange(method, path, query=query, inactivity=inactivity) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise _refusal(method, path, subject, response, await response.text())
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            finally:
                _hang_up(response)

    def _decoded(self, text: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise UnreachableError(self.server, f"it answered with broken JSON: {error}") from error
        return document

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        limit: float = math.inf,
        inactivity: float | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> AsyncIterator[ClientResponse]:
        if self._rest is None:
            raise RuntimeError("the client is not open: use it as an async context manager")
        headers = {
            "Accept": "application/json, */*",
            "Content-Type": content_type,
            "User-Agent": self._user_agent,
        }
        authorization = await self._credentials.authorization()
        if authorization:
            headers["Authorization"] = authorization
        if method not in _READS:
            # Last of all, as to be authorized may take a while.
            limit = min(limit, self._permit())
            self._on_write(method, path)
        timeout = ClientTimeout(
            total=None if limit == math.inf else limit, sock_connect=CONNECT_TIMEOUT, sock_read=inactivity
        )
        url = URL(self.server + path + (f"?{urlencode(query)}" if query else ""), encoded=True)
        try:
            answer = await self._rest.request(method, url, headers, body, _request_timeout=timeout)
            async with answer.response as response:
                yield response
        except TimeoutError as error:
            cause = str(error) or f"no answer came within {inactivity or limit:g} s"
            raise UnreachableError(self.server, cause) from error
        except (ClientError, OSError) as error:
            raise UnreachableError(self.server, str(error) or type(error).__name__) from error


def _hang_up(response: ClientResponse) -> None:
    """Cut the connection of an answer that was left in the middle.

    Closing it would wait for the server to agree, for longer than the event loop may last.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def refusal_from_status(status: dict[str, Any], *, method: str, path: str, subject: str = "") -> ApiError:
    """Return the error that a Status object, as the API server writes it, stands for."""
    code = int(status.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR)
    reason = status.get("reason") or _phrase(code)
    message = str(status.get("message") or reason)
    details = status.get("details") or {}
    seconds = details.get("retryAfterSeconds")
    return api_error_class(code, reason, message)(
        code,
        reason,
        message,
        method=method,
        path=path,
        subject=subject,
        retry_after=None if seconds is None else float(seconds),
        details=details,
    )


def _refusal(method: str, path: str, subject: str, response: ClientResponse, text: str) -> ApiError:
    """Return the error for an answer with an error status, whether or not its body is a Status object."""
    try:
        status = json.loads(text)
    except ValueError:
        status = None
    if not (isinstance(status, dict) and status.get("kind") == "Status"):
        status = {"message": text.strip()[:500]}
    status["code"] = response.status
    refusal = refusal_from_status(status, method=method, path=path, subject=subject)
    header = response.headers.get("Retry-After", "")
    if refusal.retry_after is None and header.isdigit():
        refusal.retry_after = float(header)
    return refusal


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"
