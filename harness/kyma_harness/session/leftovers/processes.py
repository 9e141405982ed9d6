"""Processes of clusters whose supervisor is dead, and whose guard was killed with it."""

import asyncio
from functools import partial
from pathlib import Path

from kyma_harness.embedded.layout import Layout
from kyma_harness.host.descendants import end_marked, marks
from kyma_harness.session.leftovers.leftover import Leak
from kyma_harness.session.settings import Settings


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
