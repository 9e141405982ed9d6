"""One thing that nobody owns any more."""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kyma_harness.clusters.docker import CLUSTER_LABEL, OWNER_LABEL, Container, Docker, owner_of
from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.clusters.errors import DockerError, RecordError
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.host.descendants import end_marked, marks
from kyma_harness.host.errors import PlaceError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import runtime_dir
from kyma_harness.host.sharing import Share
from kyma_harness.session.lifetime import making_lock, take_away
from kyma_harness.session.options import NAME, Settings
from kyma_harness.session.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What it is, and how it is removed."""

    kind: str
    what: str
    remove: Callable[[], Awaitable[bool]]
    """Removes it, after another look at whether anybody owns it by now: false then, and nothing is done."""


UNKNOWN_PROVIDER = "unknown"


class Condition(enum.StrEnum):
    """How it is with a cluster."""

    RUNS = "runs"
    STARTS = "starts"
    """Somebody makes it, or takes it away, at this moment."""
    STAYS = "stays"
    """It is to stay when nobody uses it, and lives outside this host's processes: it may run or not."""
    UNKNOWN = "unknown"
    """Nobody uses it, and what it was made for cannot be read, so that it is left alone."""
    LEFT = "left"
    """Nobody owns it: those who did are dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One cluster's folder, and who owns it."""

    name: str
    condition: Condition
    provider: str
    users: list[int]
    """The processes that use it now."""


def census(settings: Settings) -> list[Found]:
    """Return every cluster that there is anything of, by name; what has no cluster's name is none of ours."""
    root = settings.state / "clusters"
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir()) if root.is_dir() else []
    return [look_at(replace(settings, cluster=name)) for name in folders if NAME.fullmatch(name)]


def look_at(settings: Settings) -> Found:
    """Tell how it is with the cluster of this name."""
    layout, (provider, unused) = Layout(settings.cluster_state), _recorded(settings)
    users = layout.users()
    return Found(
        name=settings.cluster,
        condition=_condition(settings, layout, is_used=users.is_used()) or unused,
        provider=provider,
        users=users.users(),
    )


def _recorded(settings: Settings) -> tuple[str, Condition]:
    """Return the provider, and how it is with the cluster when nobody uses it."""
    try:
        record = Record.read(settings)
    except (RecordError, PlaceError):
        return UNKNOWN_PROVIDER, Condition.UNKNOWN
    if record is None or record.provider == EmbeddedProvider.name:
        return EmbeddedProvider.name, Condition.LEFT
    return record.provider, Condition.STAYS if record.detached else Condition.LEFT


def _condition(settings: Settings, layout: Layout, *, is_used: bool) -> Condition | None:
    if making_lock(settings).holder():
        return Condition.STARTS
    if layout.supervisor_lock().holder():
        return Condition.RUNS if layout.record.exists() else Condition.STARTS
    return Condition.RUNS if is_used else None


def leaked_processes(settings: Settings) -> list[Leak]:
    """Return the processes that carry the mark of a cluster of this state folder that has no supervisor."""
    return [
        Leak(
            kind="processes",
            what=f"{'process' if len(pids) == 1 else 'processes'} {', '.join(map(str, pids))} "
            f"of the cluster in {mark}",
            remove=partial(_end, mark),
        )
        for mark, pids in sorted(marks().items())
        if Path(mark).is_relative_to(settings.state) and not _has_supervisor(mark)
    ]


async def _end(mark: str) -> bool:
    if _has_supervisor(mark):
        return False
    await asyncio.to_thread(end_marked, mark)
    return True


def _has_supervisor(mark: str) -> bool:
    return Layout(Path(mark)).supervisor_lock().holder() is not None


def leaked_clusters(settings: Settings) -> list[Leak]:
    """Return the clusters of this state folder that nobody owns."""
    return [
        Leak(
            kind="cluster",
            what=f"cluster {one.name} ({one.provider}) in {settings.state / 'clusters' / one.name}",
            remove=partial(_remove_cluster, replace(settings, cluster=one.name)),
        )
        for one in census(settings)
        if one.condition is Condition.LEFT
    ]


async def _remove_cluster(settings: Settings) -> bool:
    """Remove a cluster under all the locks that its owners would hold."""
    layout = Layout(settings.cluster_state)
    layout.check_ours()
    lock, users = making_lock(settings), layout.users()
    if not lock.try_acquire():
        return False
    try:
        if not users.try_alone():
            return False
        record = Record.read(settings)
        if record and record.provider != EmbeddedProvider.name:
            await take_away(settings)
        return await EmbeddedCluster.remove_remains(settings.cluster_state)
    finally:
        users.release()
        lock.remove()


_WITNESSES = {"k3d.cluster": "k3d-{}-server-0", "io.x-k8s.kind.cluster": "kind-{}-registry"}
"""The labels by which k3d and kind know their containers, and the one whose own label says that all are ours.

kind lets nobody add a label, so that only the registry beside it has one.
"""


async def leaked_containers() -> list[Leak]:
    """Return the containers that this user's runs on this host made and whose state folder is gone."""
    try:
        async with Docker.connect() as docker:
            ours = await docker.containers(CLUSTER_LABEL)
            clusters = {one.labels[CLUSTER_LABEL] for one in ours if _is_orphan(one)}
            found = {name: await _of(docker, name) for name in sorted(clusters)}
    except DockerError:  # no Docker, no containers
        return []
    return [
        Leak(
            kind="containers",
            what=f"{', '.join(one.name for one in containers)} of cluster {name}",
            remove=partial(_remove_containers, name),
        )
        for name, containers in found.items()
    ]


def _is_orphan(container: Container) -> bool:
    owner = container.labels.get(OWNER_LABEL, "")
    folder = Path(owner.partition(":")[2])
    return owner == owner_of(folder) and not folder.exists()


async def _of(docker: Docker, cluster: str) -> list[Container]:
    ours = [one for one in await docker.containers(f"{CLUSTER_LABEL}={cluster}") if _is_orphan(one)]
    found = {one.name: one for one in ours}
    for label, witness in _WITNESSES.items():
        if witness.format(cluster) in found:
            found |= {one.name: one for one in await docker.containers(f"{label}={cluster}")}
    return [found[name] for name in sorted(found)]


async def _remove_containers(cluster: str) -> bool:
    async with Docker.connect() as docker:
        containers = await _of(docker, cluster)
        if not containers:
            return False
        for one in containers:
            await docker.remove(one.name)
        await docker.remove_network(f"k3d-{cluster}")
        await docker.remove_volume(f"k3d-{cluster}-images")
    return True


_SHOWN = 3


def leaked_files(settings: Settings) -> list[Leak]:
    """Return the lock files that nobody holds, a leak for each folder of them."""
    folders = {
        "port": runtime_dir() / "ports",
        "turn": settings.state / "turns",
        "making": settings.making,
    }
    found = {(kind, folder): _free(folder) for kind, folder in folders.items()}
    return [
        Leak(
            kind=f"{kind} locks",
            what=f"{kind} locks in {folder} whose holders are dead: {_few(files)}",
            remove=partial(_remove_locks, files),
        )
        for (kind, folder), files in found.items()
        if files
    ]


def _free(folder: Path) -> list[Path]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file for file in files if file.is_file() and not Share(file).is_used()]


async def _remove_locks(files: list[Path]) -> bool:
    locks = [lock for lock in map(FileLock, files) if lock.try_acquire()]
    for lock in locks:
        lock.remove()
    return bool(locks)


def _few(files: list[Path]) -> str:
    shown = ", ".join(file.name for file in files[:_SHOWN])
    return shown if len(files) <= _SHOWN else f"{shown} and {len(files) - _SHOWN} more"


async def find_leaks(settings: Settings) -> list[Leak]:
    """Return what nobody owns, in the order in which it is to be removed."""
    return [
        *leaked_processes(settings),
        *leaked_clusters(settings),
        *await leaked_containers(),
        *leaked_files(settings),
    ]
