"""Ask NATS what JetStream holds, at its monitoring endpoint.

The answer decides whether data may be deleted: a late, garbled or incomplete one is an error, not a zero.
A server that starts answers before it has found all its streams; until then ``/healthz`` says so.

Shape of the answer: nats-server 2.15, ``/jsz?accounts=true&streams=true&consumers=true&config=true``.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import aiohttp

from eventing_manager.errors import JetStreamError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

ASK_TIMEOUT: Final = 5.0
"""Seconds that one question may take."""

ORDINAL: Final = "{ordinal}"
"""Stands for the number of a server in the address of one of several."""

_LIMITS: Final = "limits"
_EVERYTHING: Final = {"accounts": "true", "streams": "true", "consumers": "true", "config": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream and how many of its messages nobody has received."""

    account: str
    name: str
    undelivered: int
    is_in_memory: bool = False

    def __str__(self) -> str:
        return f"{self.account}/{self.name}"


class JetStream(Protocol):
    """What the reconciler wants to know of JetStream."""

    async def check(self) -> None:
        """Return when JetStream answers; JetStreamError says why it does not."""

    async def streams(self, servers: int) -> list[Stream]:
        """Return every stream on so many servers; JetStreamError where that cannot be told for sure."""


class Monitoring:
    """JetStream as the monitoring endpoints of NATS show it.

    ``service_url`` leads to any server, ``server_url`` with its ``{ordinal}`` to one in particular.
    """

    def __init__(self, service_url: str, server_url: str = "") -> None:
        self._service_url = service_url.rstrip("/")
        self._server_url = server_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # Every question gets its own connection: a Service balances connections, and an old one may lead to a
        # server that is gone.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def check(self) -> None:
        """Return when JetStream is enabled and, in a cluster, has a leader."""
        url = self._service_url
        answer = await self._ask(url, {})
        _require_enabled(url, answer)
        if "meta_cluster" in answer and not answer["meta_cluster"].get("leader"):
            raise JetStreamError(f"{url}: the JetStream cluster has no leader yet")

    async def streams(self, servers: int) -> list[Stream]:
        """Return every stream of every account.

        A server of a cluster tells of the streams it holds a replica of, and no others: each is asked.
        """
        urls = [self._service_url]
        if servers > 1:
            urls = [self._server_url.replace(ORDINAL, str(ordinal)) for ordinal in range(servers)]
        return merged([stream for url in urls for stream in await self._streams_at(url)])

    async def _streams_at(self, url: str) -> list[Stream]:
        process = (await self._ask(url, {}))["server_id"]
        await self._fetch(f"{url}/healthz", {})
        answer = await self._ask(url, _EVERYTHING)
        if answer["server_id"] != process:
            raise JetStreamError(
                f"{url}: the server has restarted meanwhile, and may not know its streams yet"
            )
        _require_enabled(url, answer)
        try:
            return read_streams(answer)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JetStreamError(f"{url}: the answer lacks {error}: it cannot be relied on") from error

    async def _ask(self, url: str, query: dict[str, str]) -> dict[str, Any]:
        try:
            answer = json.loads(await self._fetch(f"{url}/jsz", query))
        except ValueError as error:
            raise JetStreamError(f"{url} answers something that is not JSON: {error}") from error
        if not isinstance(answer, dict) or "server_id" not in answer:
            raise JetStreamError(f"{url} answers, but not as NATS does: it has no server_id")
        return answer

    async def _fetch(self, url: str, query: dict[str, str]) -> bytes:
        if self._session is None:
            raise JetStreamError(f"{url} was asked outside of its context")
        try:
            async with asyncio.timeout(ASK_TIMEOUT), self._session.get(url, params=query) as response:
                response.raise_for_status()
                return await response.read()
        except TimeoutError as error:
            raise JetStreamError(f"{url} gave no answer in {ASK_TIMEOUT:.0f} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise JetStreamError(f"{url} cannot be asked: {error}") from error


def _require_enabled(url: str, answer: dict[str, Any]) -> None:
    if answer.get("disabled"):
        raise JetStreamError(f"{url}: JetStream is disabled; look for the reason in the log of NATS")


def merged(streams: Iterable[Stream]) -> list[Stream]:
    """Return each stream once, with the most that any of its replicas knows to be undelivered."""
    found: dict[tuple[str, str], Stream] = {}
    for stream in streams:
        known = found.get((stream.account, stream.name))
        if known is None or known.undelivered < stream.undelivered:
            found[stream.account, stream.name] = stream
    return list(found.values())


def read_streams(answer: dict[str, Any]) -> list[Stream]:
    """Return the streams of an answer of ``/jsz``; KeyError, TypeError where it is not complete."""
    streams = [
        Stream(
            account=account["name"],
            name=stream["name"],
            undelivered=undelivered(stream),
            is_in_memory=stream["config"]["storage"] == "memory",
        )
        for account in answer.get("account_details", [])
        for stream in account.get("stream_detail", [])
    ]
    if len(streams) != answer["streams"]:
        raise KeyError(f"{answer['streams'] - len(streams)} of {answer['streams']} streams")
    return streams


def undelivered(stream: dict[str, Any]) -> int:
    """Return how many messages of a stream nobody has received, by the contract's rule.

    A stream that forgets what was received (``interest``, ``workqueue``): all it still holds. One that keeps
    messages (``limits``): what its slowest consumer has yet to receive or acknowledge, and all of them where
    there is no consumer.
    """
    held = int(stream["state"]["messages"])
    consumers = stream.get("consumer_detail", [])
    if stream["config"]["retention"] != _LIMITS or not consumers:
        return held
    return max(int(consumer["num_pending"]) + int(consumer["num_ack_pending"]) for consumer in consumers)
