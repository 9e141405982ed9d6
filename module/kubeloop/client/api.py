"""Read, write and watch objects of any kind."""

from __future__ import annotations

import builtins
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Self

from kubeloop.client.collections import Collections, ObjectList, WatchEvent, selection
from kubeloop.client.connection import Connection
from kubeloop.client.credentials import KubeconfigCredentials, credentials_from_environment
from kubeloop.client.discovery import Discovery
from kubeloop.kinds import SERVICE_ACCOUNT
from kubeloop.resource import Kind, Object, ObjectKey, ServedKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType


class Client(AbstractAsyncContextManager["Client"]):
    """Deal in objects as decoded JSON; every call has a timeout.

    Methods raise ApiError where the API server refuses, UnreachableError where it does not answer, and
    KindAbsentError where it does not serve the kind.
    """

    def __init__(self, connection: Connection, discovery: Discovery | None = None) -> None:
        self._connection = connection
        self._discovery = discovery or Discovery(connection)
        self._collections = Collections(connection, self._discovery)

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
        return await self._connection.request(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type or "application/json",
            timeout=timeout,
        )

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
        return await self._collections.send("GET", kind, name, namespace)

    async def list(
        self,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> ObjectList:
        """Read all objects of a kind, in one namespace or in all, page by page."""
        return await self._collections.list(kind, namespace, selection(label_selector, field_selector))

    async def create(self, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object; raise AlreadyExistsError if there is one of that name."""
        query = {"dryRun": "All"} if dry_run else None
        return await self._collections.create(obj, query)

    async def update(self, obj: Object, *, subresource: str | None = None, dry_run: bool = False) -> Object:
        """Replace an object; raise ConflictError if it changed since it was read."""
        key = ObjectKey.of(obj)
        return await self._collections.send(
            "PUT",
            Kind.of(obj),
            key.name,
            key.namespace,
            subresource,
            query={"dryRun": "All"} if dry_run else None,
            body=obj,
        )

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
        if dry_run:
            query["dryRun"] = "All"
        return await self._collections.send(
            "PATCH", Kind.of(obj), key.name, key.namespace, subresource,
            query=query, body=obj, content_type="application/apply-patch+yaml",
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
        return await self._collections.send(
            "PATCH",
            kind,
            name,
            namespace,
            subresource,
            body=patch,
            content_type="application/merge-patch+json",
        )

    async def json_patch(
        self,
        kind: Kind,
        name: str,
        operations: Sequence[Mapping[str, Any]],
        *,
        namespace: str | None = None,
        subresource: str | None = None,
    ) -> Object:
        """Change an object by JSON Patch; raise InvalidError if a ``test`` in it fails."""
        return await self._collections.send(
            "PATCH", kind, name, namespace, subresource,
            body=builtins.list(operations), content_type="application/json-patch+json",
        )  # fmt: skip

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
        await self._collections.send("DELETE", kind, name, namespace, body=options)

    def watch(
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
        query = selection(label_selector, field_selector)
        if resource_version is not None:
            query["resourceVersion"] = resource_version
        return self._collections.watch(
            kind, namespace, query, timeout_seconds=timeout_seconds, inactivity=inactivity
        )

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
        spec: Object = {"audiences": builtins.list(audiences), "expirationSeconds": expiration_seconds}
        if bound_pod is not None:
            metadata = bound_pod["metadata"]
            spec["boundObjectRef"] = {
                "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"],
            }  # fmt: skip
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return await self._collections.send(
            "POST", SERVICE_ACCOUNT, service_account, namespace, "token", body=body
        )
