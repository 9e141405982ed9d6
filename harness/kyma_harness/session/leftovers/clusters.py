"""Clusters whose owners are dead."""

from dataclasses import replace
from functools import partial

from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.embedded.layout import Layout
from kyma_harness.session.leftovers.census import Condition, census
from kyma_harness.session.leftovers.leftover import Leak
from kyma_harness.session.lifetime import making_lock, take_away
from kyma_harness.session.record import Record
from kyma_harness.session.settings import Settings


def leaked_clusters(settings: Settings) -> list[Leak]:
    """Return the clusters of this state folder that nobody owns."""
    return [
        Leak(
            kind="cluster",
            what=f"cluster {one.name} ({one.provider}) in {settings.state / 'clusters' / one.name}",
            remove=partial(_remove, replace(settings, cluster=one.name)),
        )
        for one in census(settings)
        if one.condition is Condition.LEFT
    ]


async def _remove(settings: Settings) -> bool:
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
