"""Containers of clusters of which this host knows nothing any more."""

from functools import partial
from pathlib import Path

from harness.clusters.docker import Container, Docker
from harness.clusters.errors import DockerError
from harness.clusters.labels import CLUSTER_LABEL, OWNER_LABEL, owner_of
from harness.leaks.leak import Leak

_OF_A_CLUSTER = ("k3d.cluster", "io.x-k8s.kind.cluster")
"""The labels by which k3d and kind know their containers; kind lets nobody add one."""


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
            remove=partial(_remove, name),
        )
        for name, containers in found.items()
    ]


def _is_orphan(container: Container) -> bool:
    owner = container.labels.get(OWNER_LABEL, "")
    folder = Path(owner.partition(":")[2])
    return owner == owner_of(folder) and not folder.exists()


async def _of(docker: Docker, cluster: str) -> list[Container]:
    labels = [f"{label}={cluster}" for label in (CLUSTER_LABEL, *_OF_A_CLUSTER)]
    found = {one.name: one for label in labels for one in await docker.containers(label)}
    return [found[name] for name in sorted(found)]


async def _remove(cluster: str) -> bool:
    async with Docker.connect() as docker:
        containers = await _of(docker, cluster)
        if not any(_is_orphan(one) for one in containers):
            return False
        for one in containers:
            await docker.remove(one.name)
        await docker.remove_network(f"k3d-{cluster}")
        await docker.remove_volume(f"k3d-{cluster}-images")
    return True
