"""Gather what a failed test leaves in the cluster, before it is cleaned up."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import POD
from kubeloop.resource import Object
from kyma_harness.evidence.failure import Findings
from kyma_harness.kube.logs import ContainerLog, logs_of
from kyma_harness.kube.redaction import redacted, secret_values
from kyma_harness.kube.served import EVENTS, Unseen, items_of, listable
from kyma_harness.wait.narrative import in_order, last_seen
from kyma_harness.wait.observer import Observer

T = TypeVar("T")

SECONDS = 30.0
"""For each sort of evidence: a cluster in trouble may answer slowly, or not at all."""
ELSEWHERE = frozenset({"Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision"})
"""Kinds that are told of elsewhere, or that say nothing."""
ALWAYS_THERE = frozenset({"FlowSchema", "PriorityLevelConfiguration", "APIService", "PriorityClass"})
BOOTSTRAPPED = "kubernetes.io/bootstrapping"


async def gather(observer: Observer, started: float, ended: float) -> Findings:
    """Look at everything; what cannot be had is named among the problems and keeps nothing else away."""
    problems, unseen = list[str](), Unseen()
    client, window = observer.client, datetime.fromtimestamp(started, UTC)
    objects, events, logs = await asyncio.gather(
        _or_problem("objects", objects_of(client, unseen), problems),
        _or_problem("events", events_since(client, window, unseen), problems),
        _or_problem("logs", _all_logs(client, window), problems),
    )
    return Findings(
        objects=[redacted(one) for one in objects],
        secrets=secret_values(objects),
        events=events,
        logs=logs,
        transitions=observer.timeline.starting_from(started, ended),
        steps=observer.steps.between(started, ended),
        problems=[*problems, *unseen.sentences()],
    )


async def objects_of(client: Client, unseen: Unseen) -> list[Object]:
    """Return every object but those that every cluster has; what cannot be listed is noted."""
    listed = await listable(client, unseen)
    kinds = [one for one in listed if one.entry["kind"] not in ELSEWHERE | ALWAYS_THERE]
    found = await asyncio.gather(*(items_of(client, one, unseen) for one in kinds))
    return [item for items in found for item in items if not _is_bootstrapped(item)]


async def events_since(client: Client, since: datetime, unseen: Unseen) -> list[Object]:
    """Return the Events of all namespaces that happened since then, oldest first."""
    found = [redacted(item) for item in await items_of(client, EVENTS, unseen)]
    # Events know whole seconds only.
    first = since.replace(microsecond=0).isoformat().replace("+00:00", "")
    return in_order(one for one in found if last_seen(one) >= first)


async def _all_logs(client: Client, since: datetime) -> list[ContainerLog]:
    return await logs_of(client, (await client.list(POD)).items, since=since)


async def _or_problem(what: str, asked: Awaitable[Sequence[T]], problems: list[str]) -> Sequence[T]:
    try:
        async with asyncio.timeout(SECONDS):
            return await asked
    except TimeoutError:
        problems.append(f"{what}: no answer within {SECONDS:g} s")
    except ControllerError as error:
        problems.append(f"{what}: {error}")
    return []


def _is_bootstrapped(obj: Object) -> bool:
    metadata = obj["metadata"]
    by_kubernetes = metadata["name"].startswith(("system:", "kubeadm:")) or (
        metadata.get("namespace") in {"kube-system", "kube-public", "kube-node-lease"}
        and obj["kind"] in {"ServiceAccount", "ConfigMap", "Role", "RoleBinding", "Secret"}
    )
    return BOOTSTRAPPED in (metadata.get("labels") or {}) or by_kubernetes
