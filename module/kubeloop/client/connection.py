"""Carry requests to the API server and turn what comes back into values or errors."""

from __future__ import annotations

import ipaddress
import json
import math
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode
from urllib.request import getproxies, proxy_bypass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from kubeloop.client.answers import NonsenseError, decoded, refusal
from kubeloop.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
    from types import TracebackType

    from kubeloop.client.credentials import Credentials

CONNECT_TIMEOUT = 10.0

_READS = frozenset({"GET", "HEAD"})
_READ_BUFFER = 2**21
"""Bytes; an event of a watch holds a whole object, and one may be as large as etcd takes."""


class Connection(AbstractAsyncContextManager["Connection"]):
    """Hold one pool of connections to one API server.

    Usable between entering and leaving it as a context manager.
    """

    def __init__(self, credentials: Credentials, *, user_agent: str, timeout: float) -> None:
        self._credentials = credentials
        self._user_agent = user_agent
        self._timeout = timeout
        self._session: ClientSession | None = None
        self._server_name: str | None = None
        self._permit: Callable[[], float] = lambda: math.inf
        self._on_write: Callable[[str, str], None] = lambda _method, _path: None

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._credentials.server

    async def __aenter__(self) -> Self:
        transport = await self._credentials.transport()
        self._server_name = transport.server_name
        self._session = ClientSession(
            # Every watch holds a connection: a pool with a limit would one day be full of watches.
            connector=TCPConnector(limit=0, ssl=transport.tls or True),
            cookie_jar=DummyCookieJar(),
            proxy=transport.proxy or proxy_of_environment(URL(self.server)),
            read_bufsize=_READ_BUFFER,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

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
    ) -> Any:
        """Send a request and return the answer, decoded where it is JSON.

        Raises ApiError for a refusal and UnreachableError where no answer came within ``timeout`` seconds.
        """
        limit = timeout or self._timeout
        async with self._exchange(
            method, path, query=query, limit=limit, body=body, content_type=content_type
        ) as response:
            text = await _text_of(response)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise refusal(response.status, text, response.headers, method=method, path=path, subject=subject)
        if not response.content_type.endswith("json"):
            return text
        try:
            return decoded(text)
        except NonsenseError as error:
            raise UnreachableError(self.server, f"it answered with {error}") from error

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
                text = await _text_of(response)
                raise refusal(
                    response.status, text, response.headers, method=method, path=path, subject=subject
                )
            try:
                async for chunk in response.content.iter_any():
                    yield chunk
            finally:
                _hang_up(response)

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
        if self._session is None:
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
        data = None if body is None else json.dumps(body)
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=data,
                timeout=timeout,
                server_hostname=self._server_name,
            ) as response:
                yield response
        except TimeoutError as error:
            cause = str(error) or f"no answer came within {inactivity or limit:g} s"
            raise UnreachableError(self.server, cause) from error
        except (ClientError, OSError) as error:
            raise UnreachableError(self.server, str(error) or type(error).__name__) from error


async def _text_of(response: ClientResponse) -> str:
    """Return an answer's text; it is UTF-8, whatever a proxy on the way may claim."""
    return (await response.read()).decode(errors="replace")


def _hang_up(response: ClientResponse) -> None:
    """Cut the connection of an answer that was left in the middle.

    Closing it would wait for the server to agree, for longer than the event loop may last.
    """
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def proxy_of_environment(server: URL) -> str | None:
    """Return the proxy that the environment names for a server; as in Go, none for this very machine."""
    host = server.host or ""
    if _is_loopback(host) or proxy_bypass(host):
        return None
    return getproxies().get(server.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
