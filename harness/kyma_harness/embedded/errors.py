"""What can go wrong with the embedded cluster.

HarnessError
 └ EmbeddedError
    ├ ComponentFailedError       a part of the cluster ended or did not get ready: with its last log lines
    ├ ClusterRunningError        a cluster of this name runs already: names who holds it
    ├ ClusterStartError          the supervisor could not bring the cluster up
    ├ ClusterStopError           the supervisor did not end, although asked and killed
    └ NoAddressError             a Service has no address on this host
"""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Self

from kyma_harness.host.errors import HarnessError
from kyma_harness.host.lastlines import reason_in
from kyma_harness.host.paths import explained
from kyma_harness.host.process import Child

_NO_ROOM = "no space left on device"
_LEAST_BYTES = 64 * 1024
"""Whoever finds less room than this has failed for want of it, and may not even have been able to say so."""


class EmbeddedError(HarnessError):
    """Cover everything that is wrong with the embedded cluster."""


class ComponentFailedError(EmbeddedError):
    """Report a component that ended, or was not ready in time: the first line says why, if anything does.

    ``room`` is how many bytes are left where its log is, which is nothing on a disk that is full.
    """

    def __init__(
        self, name: str, reason: str, log_tail: str, *, log: Path | None = None, room: int | None = None
    ) -> None:
        cause = reason_in(log_tail)
        if room is not None and room < _LEAST_BYTES and _NO_ROOM not in cause.lower():
            cause = f"{cause}, with {_NO_ROOM}" if cause else _NO_ROOM
        remedy = _remedy(log) if _NO_ROOM in cause.lower() else ""
        first = ": ".join(filter(None, (f"{name} {reason}", cause, remedy)))
        super().__init__(f"{first}. " + (f"Its last lines:\n{log_tail}" if log_tail else "It wrote nothing."))
        self.name = name

    @classmethod
    def of(cls, child: Child, reason: str, log_tail: str) -> Self:
        """Report what happened to a process; `log_tail` is what it wrote in the end."""
        return cls(child.name, reason, log_tail, log=child.log_path, room=_room_at(child.log_path))


def _remedy(log: Path | None) -> str:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(log)) if log else OSError(errno.ENOSPC, "")
    told = explained(full)
    return f"make room there, or {told.remedy}" if told and log else "make room"


def _room_at(log: Path | None) -> int | None:
    """Return how many bytes are left where a log is; nothing where nobody can say."""
    with suppress(OSError):
        found = shutil.disk_usage(log.parent) if log else None
        return found.free if found and found.total else None
    return None


class ClusterRunningError(EmbeddedError):
    """Report that another supervisor holds the cluster's name."""


class ClusterStartError(EmbeddedError):
    """Report that the supervisor could not bring the cluster up; nothing is left running."""


class ClusterStopError(EmbeddedError):
    """Report a supervisor that does not end."""


class NoAddressError(EmbeddedError):
    """Report a Service that cannot be reached from this host."""
