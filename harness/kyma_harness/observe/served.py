"""List every kind that an API server serves, and the objects of each."""

import asyncio
from typing import NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ApiError, NotFoundError, TooManyRequestsError
from kubeloop.resource import Object


class ServedList(NamedTuple):
    """A kind that can be listed: the path of its group and version, and discovery's entry for it."""

    path: str
    entry: Object

    @property
    def group_kind(self) -> str:
        """The kind with its group, ``StatefulSet.apps``."""
        group = self.path.split("/")[2] if self.path.startswith("/apis/") else ""
        return f"{self.entry['kind']}.{group}" if group else str(self.entry["kind"])


async def listable(client: Client) -> list[ServedList]:
    """Return every kind whose objects can be listed and deleted, each in its preferred version."""
    groups = await _get(client, "/apis")
    preferred = (f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups["groups"])
    found = await asyncio.gather(*(_kinds_of(client, path) for path in ("/api/v1", *preferred)))
    return [kind for kinds in found for kind in kinds]


async def items_of(client: Client, served: ServedList) -> list[Object]:
    """Return all objects of a kind, none where the kind went meanwhile."""
    try:
        found = await _get(client, f"{served.path}/{served.entry['name']}")
    except ApiError as error:
        if error.status in {404, 405}:
            return []
        raise
    version = served.path.removeprefix("/apis/").removeprefix("/api/")
    named = {"apiVersion": version, "kind": served.entry["kind"]}
    return [{**named, **item} for item in found.get("items") or []]


async def _kinds_of(client: Client, path: str) -> list[ServedList]:
    try:
        resources = (await _get(client, path))["resources"]
    except NotFoundError:
        return []  # The last CRD of the group went meanwhile.
    return [ServedList(path, kind) for kind in resources if {"list", "delete"} <= set(kind["verbs"])]


@retry(
    retry=retry_if_exception_type(TooManyRequestsError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(10),
    reraise=True,
)
async def _get(client: Client, path: str) -> Object:
    # A kind that has just come answers "storage is (re)initializing" for a moment.
    answer = await client.request("GET", path)
    if not isinstance(answer, dict):
        raise TypeError(f"GET {path} did not answer with JSON")
    return answer
