"""Send requests to the collections which discovery finds for a kind."""

from __future__ import annotations

import re
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubeloop.client.connection import refusal_from_status
from kubeloop.client.jsonlines import JSONLines
from kubeloop.errors import ExpiredError, KindAbsentError, NotFoundError, UnreachableError
from kubeloop.resource import Kind, Object, ObjectKey

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from kubeloop.client.connection import Connection
    from kubeloop.client.discovery import Discovery

_PAGE_SIZE = 500
_WATCH_GRACE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectList:
    """The objects of one kind at one moment, which ``resource_version`` names."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED, DELETED, or BOOKMARK, which carries a resource version only."""

    type: str
    object: Object


def selection(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    """Return the query parameters that narrow a list or a watch."""
    selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in selectors.items() if value}


def named(name: str) -> str:
    """Return the field selector of the one object of a name."""
    return "metadata.name=" + re.sub(r"[\\,=]", r"\\\g<0>", name)


class Collections:
    """Address objects by kind, namespace and name."""

    def __init__(self, connection: Connection, discovery: Discovery) -> None:
        self._connection = connection
        self._discovery = discovery

    async def send(
        self,
        method: str,
        kind: Kind,
        name: str,
        namespace: str | None,
        subresource: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a request about one object."""
        served = await self._discovery.served(kind)
        if not name:
            # The path would be that of all objects of the kind, and the method may be DELETE.
            raise ValueError(f"{kind}: an object needs a name")
        if served.namespaced and not namespace:
            raise ValueError(f"{kind} {name}: objects of this kind are in a namespace, and none is given")
        path = served.path(namespace, name, subresource)
        subject = _subject(kind, namespace if served.namespaced else None, name)
        with self._telling_absent(kind, subresource):
            answer = await self._connection.request(
                method, path, query=query, body=body, content_type=content_type, subject=subject
            )
        return self._as_object(answer)

    async def create(self, obj: Object, query: Mapping[str, str] | None) -> Object:
        """Post an object to its collection."""
        kind, metadata = Kind.of(obj), obj["metadata"]
        served = await self._discovery.served(kind)
        namespace = metadata.get("namespace") if served.namespaced else None
        subject = _subject(kind, namespace, metadata.get("name") or metadata.get("generateName", ""))
        with self._telling_absent(kind):
            answer = await self._connection.request(
                "POST", served.path(namespace), query=query, body=obj, subject=subject
            )
        return self._as_object(answer)

    async def list(self, kind: Kind, namespace: str | None, query: Mapping[str, str]) -> ObjectList:
        """Read a collection page by page."""
        try:
            return await self._list_pages(kind, namespace, {**query, "limit": str(_PAGE_SIZE)})
        except ExpiredError:
            # The pages took so long that the moment they show is forgotten: read it all at once.
            return await self._list_pages(kind, namespace, dict(query))

    async def watch(
        self,
        kind: Kind,
        namespace: str | None,
        query: Mapping[str, str],
        *,
        timeout_seconds: int,
        inactivity: float | None,
    ) -> AsyncGenerator[WatchEvent]:
        """Yield the events of one watch connection."""
        served = await self._discovery.served(kind)
        path, subject = served.path(namespace), _subject(kind, namespace, "")
        limits = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(timeout_seconds)}
        chunks = self._connection.stream(
            "GET", path, query={**query, **limits}, inactivity=inactivity or timeout_seconds + _WATCH_GRACE,
            subject=subject,
        )  # fmt: skip
        lines = JSONLines()
        with self._telling_absent(kind):
            async with aclosing(chunks):
                async for chunk in chunks:
                    for document in self._documents(lines, chunk, kind):
                        yield _event(document, path, subject)
        if not lines.is_complete:
            raise self._broken(kind)

    async def _list_pages(self, kind: Kind, namespace: str | None, query: dict[str, str]) -> ObjectList:
        served = await self._discovery.served(kind)
        items: builtins.list[Object] = []
        while True:
            with self._telling_absent(kind):
                answer = await self._connection.request(
                    "GET", served.path(namespace), query=query, subject=_subject(kind, namespace, "")
                )
            page = self._as_object(answer)
            # Items of a list carry no type of their own.
            items += (
                {**item, "apiVersion": kind.api_version, "kind": kind.kind}
                for item in page.get("items") or []
            )
            following = page["metadata"].get("continue")
            if not following:
                return ObjectList(items=items, resource_version=page["metadata"]["resourceVersion"])
            query["continue"] = following

    @contextmanager
    def _telling_absent(self, kind: Kind, subresource: str | None = None) -> Iterator[None]:
        """Raise KindAbsentError where the API server knows not even the path."""
        try:
            yield
        except NotFoundError as error:
            if error.details.get("name") or subresource:
                raise
            self._discovery.forget(kind)
            raise KindAbsentError(kind) from error

    def _documents(self, lines: JSONLines, chunk: bytes, kind: Kind) -> Iterator[Object]:
        try:
            yield from lines.feed(chunk)
        except ValueError as error:
            raise self._broken(kind) from error

    def _broken(self, kind: Kind) -> UnreachableError:
        return UnreachableError(
            self._connection.server, f"the watch of {kind} broke off in the middle of an event"
        )

    def _as_object(self, answer: Object | str) -> Object:
        if isinstance(answer, str):
            raise UnreachableError(
                self._connection.server, f"it answered with text, not JSON: {answer[:200]}"
            )
        return answer


def _event(document: Object, path: str, subject: str) -> WatchEvent:
    if document["type"] == "ERROR":
        raise refusal_from_status(document["object"], method="WATCH", path=path, subject=subject)
    return WatchEvent(type=document["type"], object=document["object"])


def _subject(kind: Kind, namespace: str | None, name: str) -> str:
    if not name:
        return f"{kind.group_kind} in {namespace}" if namespace else kind.group_kind
    return f"{kind.kind} {ObjectKey(namespace or '', name)}"
