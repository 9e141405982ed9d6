"""Look for everything that dead runs have left."""

from kyma_harness.session.leftovers.clusters import leaked_clusters
from kyma_harness.session.leftovers.containers import leaked_containers
from kyma_harness.session.leftovers.files import leaked_files
from kyma_harness.session.leftovers.leftover import Leak
from kyma_harness.session.leftovers.processes import leaked_processes
from kyma_harness.session.settings import Settings


async def find_leaks(settings: Settings) -> list[Leak]:
    """Return what nobody owns, in the order in which it is to be removed."""
    return [
        *leaked_processes(settings),
        *leaked_clusters(settings),
        *await leaked_containers(),
        *leaked_files(settings),
    ]
