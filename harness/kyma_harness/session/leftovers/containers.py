"""Containers of clusters of which this host knows nothing any more."""

from functools import partial
from pathlib import Path

from kyma_harness.clusters.docker import Container, Docker
from kyma_harness.clusters.errors import DockerError
from kyma_harness.clusters.labels import CLUSTER_LABEL, OWNER_LABEL, owner_of
from kyma_harness.session.leftovers.leftover import Leak

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
            remove=partial(_remove, name),
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


async def _remove(cluster: str) -> bool:
    async with Docker.connect() as docker:
        containers = await _of(docker, cluster)
        if not containers:
            return False
        for one in containers:
            await docker.remove(one.name)
        await docker.remove_network(f"k3d-{cluster}")
        await docker.remove_volume(f"k3d-{cluster}-images")
    return True
