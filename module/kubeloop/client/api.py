"""Read, write and watch objects of any kind."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Self

from kubeloop.client.answers import NonsenseError, ObjectList, WatchEvent, event_of, object_of, page_of
from kubeloop.client.connection import Connection
from kubeloop.client.credentials import KubeconfigCredentials, credentials_from_environment
from kubeloop.client.discovery import Discovery
from kubeloop.client.jsonlines import JSONLines
from kubeloop.errors import (
    ConflictError,
    ExpiredError,
    InvalidError,
    KindAbsentError,
    NotFoundError,
    UnreachableError,
)
from kubeloop.kinds import SERVICE_ACCOUNT
from kubeloop.resource import Kind, Object, ObjectKey, ServedKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

_PAGE_SIZE = 500
_WATCH_GRACE = 30.0
_DRY_RUN = {"dryRun": "All"}


def named(name: str) -> str:
    """Return the field selector of the one object of a name."""
    return "metadata.name=" + re.sub(r"[\\,=]", r"\\\g<0>", name)


class Client(AbstractAsyncContextManager["Client"]):
    """Deal in objects as decoded JSON; every call has a timeout.

    Methods raise ApiError where the API server refuses, UnreachableError where it does not answer, and
    KindAbsentError where it does not serve the kind.
    """

    def __init__(self, connection: Connection, discovery: Discovery | None = None) -> None:
        self._connection = connection
        self._discovery = discovery or Discovery(connection)

    @classmethod
    def from_kubeconfig(
        cls, path: Path, *, context: str | None = None, user_agent: str = "kubeloop", timeout: float = 30
    ) -> Client:
        """Return a client for a context of a kubeconfig, for its current one by default.

        Raises ConfigurationError if the file is missing or unusable. ``user_agent`` up to its first slash is
        also the field manager of writes that name none.
        """
        credentials = KubeconfigCredentials(str(path), context)
        return cls(Connection(credentials, user_agent=user_agent, timeout=timeout))

    @classmethod
    def from_environment(
        cls, *, context: str | None = None, user_agent: str = "kubeloop", timeout: float = 30
    ) -> Client:
        """Return a client for the cluster of $KUBECONFIG, of the Pod or of ~/.kube/config, in this order."""
        credentials = credentials_from_environment(context)
        return cls(Connection(credentials, user_agent=user_agent, timeout=timeout))

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._connection.server

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)

    def guarded(self, permit: Callable[[], float]) -> Client:
        """Return a client over the same open connection that calls ``permit`` before each write.

        It returns for how many seconds a write may go on, and what it raises is raised instead of writing: so
        one who has lost a lease writes nothing more, and one who is about to lose it nothing late.
        """
        return Client(self._connection.guarded(permit), self._discovery)

    def observed(self, on_write: Callable[[str, str], None]) -> Client:
        """Return a client over the same open connection that tells of each write: its method and path."""
        return Client(self._connection.observed(on_write), self._discovery)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - handed to the HTTP client, per request
    ) -> dict[str, Any] | str:
        """Send any request; the answer is decoded where it is JSON."""
        answer: dict[str, Any] | str = await self._connection.request(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type or "application/json",
            timeout=timeout,
        )
        return answer

    def stream(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, inactivity: float = 3600
    ) -> AsyncGenerator[bytes]:
        """Yield an answer's bytes as they come, a followed log for example."""
        return self._connection.stream(method, path, query=query, inactivity=inactivity)

    async def served(self, kind: Kind) -> ServedKind:
        """Return where a kind is served, from the cache if it was seen before."""
        return await self._discovery.served(kind)

    async def preferred(self, group: str, kind: str) -> Kind:
        """Return a kind in the version which the API server prefers; raise KindAbsentError without any."""
        return await self._discovery.preferred(group, kind)

    def forget_discovery(self) -> None:
        """Ask again which kinds are served when next one is needed."""
        self._discovery.forget()

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """Read one object."""
        return await self._send("GET", kind, name, namespace)

    async def list(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> ObjectList:
        """Read all objects of a kind, in one namespace or in all, page by page."""
        query = _selection(label_selector, field_selector)
        try:
            return await self._list(kind, namespace, {**query, "limit": str(_PAGE_SIZE)})
        except ExpiredError:
            # The pages took so long that the moment they show is forgotten: read it all at once.
            return await self._list(kind, namespace, query)

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object; raise AlreadyExistsError if there is one of that name."""
        kind, metadata = Kind.of(obj), obj["metadata"]
        served = await self._discovery.served(kind)
        namespace = metadata.get("namespace") if served.namespaced else None
        subject = _subject(kind, namespace, metadata.get("name") or metadata.get("generateName", ""))
        with self._making_sense_of(kind):
            return object_of(
                await self._connection.request(
                    "POST",
                    served.path(namespace),
                    query=_DRY_RUN if dry_run else None,
                    body=obj,
                    subject=subject,
                )
            )

    async def update(self, obj: Object, *, subresource: str | None = None, dry_run: bool = False) -> Object:
        """Replace an object; raise ConflictError if it changed since it was read."""
        key = ObjectKey.of(obj)
        return await self._send(
            "PUT", Kind.of(obj), key.name, key.namespace, subresource,
            query=_DRY_RUN if dry_run else None, body=obj,
        )  # fmt: skip

    async def apply(
        self,
        obj: Object,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Apply an object server-side: create it, or own and set the fields it names.

        Raises ConflictError, naming the fields, if another manager owns one of them and ``force`` is off.
        """
        key = ObjectKey.of(obj)
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        return await self._send(
            "PATCH", Kind.of(obj), key.name, key.namespace, subresource,
            query=query | (_DRY_RUN if dry_run else {}),
            body=obj, content_type="application/apply-patch+yaml",
        )  # fmt: skip

    async def merge_patch(
        self,
        kind: Kind,
        name: str,
        patch: Object,
        *,
        namespace: str | None = None,
        subresource: str | None = None,
    ) -> Object:
        """Change the fields that a patch names; None removes one.

        A ``metadata.resourceVersion`` in the patch makes it fail with ConflictError on any other version.
        """
        return await self._send(
            "PATCH", kind, name, namespace, subresource,
            body=patch, content_type="application/merge-patch+json",
        )  # fmt: skip

    async def strategic_patch(
        self, kind: Kind, name: str, patch: Object, *, namespace: str | None = None
    ) -> Object:
        """Merge a patch by what the API server knows of the kind, items of its lists by their keys.

        It knows that of Kubernetes' own kinds alone.
        """
        return await self._send(
            "PATCH", kind, name, namespace,
            body=patch, content_type="application/strategic-merge-patch+json",
        )  # fmt: skip

    async def replace_status(
        self, kind: Kind, name: str, status: Object, *, namespace: str | None = None, uid: str
    ) -> Object:
        """Write the whole status of the object of a uid, whatever version it is of by now.

        Raises ConflictError for a successor of the same name, which a late status must not land on.
        """
        # In a merge patch of a status the uid is passed over in silence, as all metadata is.
        operations = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        try:
            return await self._send(
                "PATCH", kind, name, namespace, "status",
                body=operations, content_type="application/json-patch+json",
            )  # fmt: skip
        except InvalidError as error:
            if error.details:
                raise
            raise ConflictError(
                error.status, "Conflict", f"it is not the object of uid {uid} any more",
                method=error.method, path=error.path, subject=error.subject,
            ) from error  # fmt: skip

    async def delete(
        self,
        kind: Kind,
        name: str,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace_period_seconds: int | None = None,
    ) -> None:
        """Ask for the deletion of an object, and return before it is gone.

        Raises NotFoundError if there is none, ConflictError if it has another uid or resource version.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if any(preconditions.values()):
            options["preconditions"] = {field: value for field, value in preconditions.items() if value}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        await self._send("DELETE", kind, name, namespace, body=options)

    async def watch(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        resource_version: str | None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        timeout_seconds: int = 300,
        inactivity: float | None = None,
    ) -> AsyncGenerator[WatchEvent]:
        """Yield what happens after a resource version, over one connection of ``timeout_seconds``.

        The API server's ERROR event is raised as the ApiError in it: ExpiredError for too old a version.
        Raises UnreachableError after ``inactivity`` seconds without an event, of which there is at least a
        bookmark a minute.
        """
        query = _selection(label_selector, field_selector)
        query |= {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(timeout_seconds)}
        if resource_version is not None:
            query["resourceVersion"] = resource_version
        path, subject = (await self._discovery.served(kind)).path(namespace), _subject(kind, namespace, "")
        chunks = self._connection.stream(
            "GET", path, query=query, inactivity=inactivity or timeout_seconds + _WATCH_GRACE, subject=subject
        )
        lines = JSONLines()
        with self._making_sense_of(kind):
            async with aclosing(chunks):
                async for chunk in chunks:
                    for document in lines.feed(chunk):
                        yield event_of(document, path, subject)
        if not lines.is_complete:
            raise UnreachableError(self.server, f"the watch of {kind} broke off in the middle of an event")

    async def create_token(
        self,
        service_account: str,
        namespace: str,
        *,
        audiences: Sequence[str] = (),
        expiration_seconds: int,
        bound_pod: Object | None = None,
    ) -> Object:
        """Return a TokenRequest whose ``status`` holds a token, valid while the Pod it is bound to exists."""
        spec: Object = {"audiences": [*audiences], "expirationSeconds": expiration_seconds}
        if bound_pod is not None:
            metadata = bound_pod["metadata"]
            spec["boundObjectRef"] = {
                "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"],
            }  # fmt: skip
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return await self._send("POST", SERVICE_ACCOUNT, service_account, namespace, "token", body=body)

    async def _send(
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
        with self._making_sense_of(kind, subresource):
            return object_of(
                await self._connection.request(
                    method, path, query=query, body=body, content_type=content_type, subject=subject
                )
            )

    async def _list(self, kind: Kind, namespace: str | None, query: dict[str, str]) -> ObjectList:
        path = (await self._discovery.served(kind)).path(namespace)
        items: list[Object] = []
        while True:
            with self._making_sense_of(kind):
                page = page_of(
                    await self._connection.request(
                        "GET", path, query=query, subject=_subject(kind, namespace, "")
                    ),
                    kind,
                )
            items += page.items
            if not page.following:
                return ObjectList(items=items, resource_version=page.resource_version)
            query["continue"] = page.following

    @contextmanager
    def _making_sense_of(self, kind: Kind, subresource: str | None = None) -> Iterator[None]:
        """Raise KindAbsentError where the API server knows not even the path, and no sense is no answer."""
        try:
            yield
        except NotFoundError as error:
            if error.details.get("name") or subresource:
                raise
            self._discovery.forget(kind)
            raise KindAbsentError(kind) from error
        except NonsenseError as error:
            raise UnreachableError(self.server, f"it answered with {error}") from error


def _selection(label_selector: str | None, field_selector: str | None) -> dict[str, str]:
    """Return the query parameters that narrow a list or a watch."""
    selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in selectors.items() if value}


def _subject(kind: Kind, namespace: str | None, name: str) -> str:
    if not name:
        return f"{kind.group_kind} in {namespace}" if namespace else kind.group_kind
    return f"{kind.kind} {ObjectKey(namespace or '', name)}"
