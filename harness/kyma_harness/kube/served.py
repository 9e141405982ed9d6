"""List every kind that an API server serves, and the objects of each."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from kubeloop.client import Client
from kubeloop.errors import ApiError, ControllerError, NotFoundError, TooManyRequestsError
from kubeloop.resource import Object

SECONDS = 10.0
"""For one answer: a group whose own server is gone may not answer at all."""


class ServedList(NamedTuple):
    """A kind that can be listed: the path of its group and version, and discovery's entry for it."""

    path: str
    entry: Object

    @property
    def group_kind(self) -> str:
        """The kind with its group, ``StatefulSet.apps``."""
        group = _group_of(self.path)
        return f"{self.entry['kind']}.{group}" if group else str(self.entry["kind"])


EVENTS = ServedList("/api/v1", {"kind": "Event", "name": "events"})


@dataclass(slots=True)
class Unseen:
    """What could not be listed, and why; all the rest could."""

    reasons: dict[str, str] = field(default_factory=dict)
    """By ``Kind.group``, or ``*.group`` where not even the kinds of a group are known."""

    def __bool__(self) -> bool:
        """Whether anything was not seen."""
        return bool(self.reasons)

    def has(self, group_kind: str) -> bool:
        """Tell whether objects of a kind were not seen."""
        return group_kind in self.reasons or f"*.{group_kind.partition('.')[2]}" in self.reasons

    def sentences(self) -> list[str]:
        """Return a sentence for each, by name."""
        return [f"{name} cannot be listed: {reason}" for name, reason in sorted(self.reasons.items())]


async def listable(client: Client, unseen: Unseen) -> list[ServedList]:
    """Return every kind whose objects can be listed and deleted, each in its preferred version.

    A group whose server does not answer is noted; it keeps no other group from being seen.
    """
    groups = await _get(client, "/apis")
    preferred = (f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups["groups"])
    found = await asyncio.gather(*(_kinds_of(client, path, unseen) for path in ("/api/v1", *preferred)))
    return [kind for kinds in found for kind in kinds]


async def items_of(client: Client, served: ServedList, unseen: Unseen) -> list[Object]:
    """Return all objects of a kind, none where it went meanwhile; a kind that cannot be listed is noted."""
    try:
        found = await _get(client, f"{served.path}/{served.entry['name']}")
    except ControllerError as error:
        if not (isinstance(error, ApiError) and error.status in {404, 405}):
            unseen.reasons[served.group_kind] = str(error)
        return []
    version = served.path.removeprefix("/apis/").removeprefix("/api/")
    named = {"apiVersion": version, "kind": served.entry["kind"]}
    return [{**named, **item} for item in found.get("items") or []]


async def _kinds_of(client: Client, path: str, unseen: Unseen) -> list[ServedList]:
    try:
        resources = (await _get(client, path))["resources"]
    except NotFoundError:
        return []  # The last CRD of the group went meanwhile.
    except ControllerError as error:
        if not (group := _group_of(path)):
            raise  # without the core there is nothing to see
        unseen.reasons[f"*.{group}"] = str(error)
        return []
    return [ServedList(path, kind) for kind in resources if {"list", "delete"} <= set(kind["verbs"])]


def _group_of(path: str) -> str:
    return path.split("/")[2] if path.startswith("/apis/") else ""


@retry(
    retry=retry_if_exception_type(TooManyRequestsError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(10),
    reraise=True,
)
async def _get(client: Client, path: str) -> Object:
    # A kind that has just come answers "storage is (re)initializing" for a moment.
    answer = await client.request("GET", path, timeout=SECONDS)
    if not isinstance(answer, dict):
        raise TypeError(f"GET {path} did not answer with JSON")
    return answer
