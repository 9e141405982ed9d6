"""Ask NATS what JetStream holds, at its monitoring endpoint.

The answer decides whether data may be deleted: a late, garbled or incomplete one is an error, not a zero.
A server that starts answers before it has found all its streams; until then ``/healthz`` says so.

Shape of the answer: nats-server 2.15, ``/jsz?accounts=true&streams=true&consumers=true&config=true``.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import aiohttp

from eventing_manager.errors import JetStreamError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

ASK_TIMEOUT: Final = 5.0
"""Seconds that one question may take."""

ORDINAL: Final = "{ordinal}"
"""Stands for the number of a server in the address of one of several."""

_LIMITS: Final = "limits"
_EVERY_SUBJECT: Final = ">"
_EVERYTHING: Final = {"accounts": "true", "streams": "true", "consumers": "true", "config": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream and how many of its messages nobody has received."""

    account: str
    name: str
    undelivered: int
    is_in_memory: bool = False
    gap: str = ""
    """Why no consumer can tell what was received, so that all that the stream holds counts; empty where one
    can."""

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

    ``service_url`` leads to any server, ``server_url`` with its ``{ordinal}`` to one in particular, unless
    ``server_urls`` has it by its number.
    """

    def __init__(
        self, service_url: str, server_url: str = "", server_urls: Mapping[int, str] | None = None
    ) -> None:
        self._service_url = service_url.rstrip("/")
        self._server_url = server_url.rstrip("/")
        self._server_urls = server_urls or {}
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

        A server of a cluster tells of the streams it holds a replica of, and of no others: each is asked.
        """
        urls = [self._service_url]
        if servers > 1:
            urls = [
                self._server_urls.get(ordinal) or self._server_url.replace(ORDINAL, str(ordinal))
                for ordinal in range(servers)
            ]
        answers = [await self._everything_at(url) for url in urls]
        try:
            return read_streams(answers)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JetStreamError(
                f"{', '.join(urls)}: the answer lacks {error}: it cannot be relied on"
            ) from error

    async def _everything_at(self, url: str) -> dict[str, Any]:
        process = (await self._ask(url, {}))["server_id"]
        await self._fetch(f"{url}/healthz", {})
        answer = await self._ask(url, _EVERYTHING)
        if answer["server_id"] != process:
            raise JetStreamError(
                f"{url}: the server has restarted meanwhile, and may not know its streams yet"
            )
        _require_enabled(url, answer)
        return answer

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


def read_streams(answers: Iterable[dict[str, Any]]) -> list[Stream]:
    """Return the streams that answers of ``/jsz`` tell of, those of one server or of each of a cluster.

    Raises KeyError, TypeError, AttributeError or ValueError where one of them is not complete.
    """
    replicas: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for answer in answers:
        found = [
            (account["name"], stream)
            for account in answer.get("account_details") or []
            for stream in account.get("stream_detail") or []
        ]
        if len(found) != answer["streams"]:
            raise KeyError(f"{answer['streams'] - len(found)} of {answer['streams']} streams")
        for account, stream in found:
            replicas.setdefault((account, stream["name"]), []).append(stream)
    return [_stream(account, name, found) for (account, name), found in replicas.items()]


def _stream(account: str, name: str, replicas: Sequence[dict[str, Any]]) -> Stream:
    """Return a stream as all of its replicas know it, of which each may know less than another."""
    if any("cluster" in replica and not replica["cluster"].get("leader") for replica in replicas):
        raise KeyError(f"a leader of stream {account}/{name}")
    fullest = max(replicas, key=lambda replica: int(replica["state"]["messages"]))
    undelivered, gap = _undelivered(fullest, _consumers_of(replicas))
    return Stream(
        account=account,
        name=name,
        undelivered=undelivered,
        is_in_memory=fullest["config"]["storage"] == "memory",
        gap=gap,
    )


def _consumers_of(replicas: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each consumer once, as the replica knows it that has most to deliver; others may not have it."""
    found: dict[str, dict[str, Any]] = {}
    for replica in replicas:
        for consumer in replica.get("consumer_detail") or []:
            known = found.get(consumer["name"])
            if known is None or _outstanding(known) < _outstanding(consumer):
                found[consumer["name"]] = consumer
    return list(found.values())


def _outstanding(consumer: dict[str, Any]) -> int:
    """Return how many messages a consumer has yet to receive or to acknowledge.

    What was delivered as often as ``max_deliver`` allows is no longer pending, and was never acknowledged:
    only the floor of what was tells of it.
    """
    unacknowledged = int(consumer["num_ack_pending"])
    if not unacknowledged:
        delivered, floor = consumer["delivered"]["stream_seq"], consumer["ack_floor"]["stream_seq"]
        unacknowledged = max(int(delivered) - int(floor), 0)
    return int(consumer["num_pending"]) + unacknowledged


def _undelivered(stream: dict[str, Any], consumers: Sequence[dict[str, Any]]) -> tuple[int, str]:
    """Return how many messages of a stream nobody has received, and why that is all of them.

    A stream that forgets what was received (``interest``, ``workqueue``): all it still holds. One that keeps
    messages (``limits``): what its consumers have yet to receive or to acknowledge, all together, if they
    asked for every message that it holds; else all of them. The count may be too high, never too low.
    """
    held = int(stream["state"]["messages"])
    if stream["config"]["retention"] != _LIMITS or not held:
        return held, ""
    gap = _gap(stream, consumers)
    outstanding = sum(_outstanding(consumer) for consumer in consumers)
    return (max(held, outstanding), gap) if gap else (outstanding, "")


def _gap(stream: dict[str, Any], consumers: Sequence[dict[str, Any]]) -> str:
    """Return what no consumer has asked for of a stream, in words; empty where they asked for everything."""
    if not consumers:
        return "it has no consumer"
    reaching = [consumer for consumer in consumers if _reaches_back(consumer["config"], stream["state"])]
    asked = [subject for consumer in reaching for subject in _filters(consumer["config"])]
    missing = [subject for subject in _subjects(stream["config"]) if not covers(asked, subject)]
    if not missing:
        return ""
    late = [consumer["name"] for consumer in consumers if consumer not in reaching]
    if late:
        return f"consumer {late[0]} has not asked for all of it, or acknowledges nothing"
    return f"no consumer asks for {missing[0]}"


def _reaches_back(config: dict[str, Any], state: dict[str, Any]) -> bool:
    """Tell whether a consumer asked for the first message that is held, and acknowledges what it receives."""
    if config.get("ack_policy") == "none":
        return False
    match config["deliver_policy"]:
        case "all":
            return True
        case "by_start_sequence":
            return int(config["opt_start_seq"]) <= int(state["first_seq"])
        case "by_start_time":
            return _time(config["opt_start_time"]) <= _time(state["first_ts"])
        case _:
            return False


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _filters(config: dict[str, Any]) -> list[str]:
    filters = config.get("filter_subjects") or [config.get("filter_subject") or _EVERY_SUBJECT]
    return [str(subject) for subject in filters]


def _subjects(config: dict[str, Any]) -> list[str]:
    """Return the subjects that messages of a stream can have, the widest where its settings do not tell."""
    comes_from_elsewhere = config.get("mirror") or config.get("sources") or config.get("subject_transform")
    subjects = [] if comes_from_elsewhere else config.get("subjects") or []
    return [str(subject) for subject in subjects] or [_EVERY_SUBJECT]


def covers(filters: Sequence[str], subject: str) -> bool:
    """Tell whether every subject that a pattern of NATS stands for matches one of some filters.

    ``a.>`` is covered by ``a.*`` and ``a.*.>`` together; of other unions it may be said that they do not.
    """
    return _covers([each.split(".") for each in filters], subject.split("."))


def _covers(filters: Sequence[Sequence[str]], tokens: Sequence[str]) -> bool:
    if any(_is_subset(tokens, each) for each in filters):
        return True
    if tokens[-1] != ">" or len(tokens) > max(map(len, filters), default=0):
        return False
    begin = tokens[:-1]
    return _covers(filters, [*begin, "*"]) and _covers(filters, [*begin, "*", ">"])


def _is_subset(tokens: Sequence[str], pattern: Sequence[str]) -> bool:
    """Tell whether one pattern stands for no subject that another does not stand for."""
    for position, part in enumerate(pattern):
        if part == ">":
            return len(tokens) > position
        if len(tokens) <= position or tokens[position] == ">":
            return False
        if part not in {"*", tokens[position]}:
            return False
    return len(tokens) == len(pattern)
