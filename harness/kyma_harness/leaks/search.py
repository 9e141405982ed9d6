"""Look for everything that dead runs have left."""

from kyma_harness.leaks.clusters import leaked_clusters
from kyma_harness.leaks.containers import leaked_containers
from kyma_harness.leaks.files import leaked_files
from kyma_harness.leaks.leak import Leak
from kyma_harness.leaks.processes import leaked_processes
from kyma_harness.settings import Settings


async def find_leaks(settings: Settings) -> list[Leak]:
    """Return what nobody owns, in the order in which it is to be removed."""
    return [
        *leaked_processes(settings),
        *leaked_clusters(settings),
        *await leaked_containers(),
        *leaked_files(settings),
    ]
