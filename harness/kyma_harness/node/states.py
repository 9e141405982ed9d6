"""The states of a container, as a pod's status has them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running, and why."""

    reason: str
    message: str = ""

    def to_api(self) -> dict[str, Any]:
        """Return the ContainerState."""
        return {"waiting": {"reason": self.reason} | ({"message": self.message} if self.message else {})}


@dataclass(frozen=True, slots=True)
class Running:
    """Running since then."""

    started_at: datetime

    def to_api(self) -> dict[str, Any]:
        """Return the ContainerState."""
        return {"running": {"startedAt": timestamp(self.started_at)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """Ended; `exit_code` is 128 + the signal's number where a signal ended it, as a runtime says it."""

    exit_code: int
    reason: str
    message: str = ""
    started_at: datetime
    finished_at: datetime
    container_id: str

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.exit_code == 0

    def to_api(self) -> dict[str, Any]:
        """Return the ContainerState."""
        state = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": timestamp(self.started_at),
            "finishedAt": timestamp(self.finished_at),
            "containerID": self.container_id,
        }
        return {"terminated": state | ({"message": self.message} if self.message else {})}


State = Waiting | Running | Terminated


@dataclass(slots=True, kw_only=True)
class ContainerRecord:
    """What is to be reported of one container; its runner writes it, the pod's status is computed from it."""

    name: str
    image: str
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Terminated | None = None
    restart_count: int = 0
    ready: bool = False
    started: bool = False
    # For init containers: has done its part, so that the next may start. A sidecar has when it is up.
    initialized: bool = False
    # Its definition has changed: it is started once more, whatever its policy says.
    replaced: bool = False
    # Also while its postStart hook runs, and until its last process has ended.
    has_process: bool = False
    container_id: str = ""
    image_id: str = ""

    def to_api(self) -> dict[str, Any]:
        """Return the ContainerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            "containerID": self.container_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restart_count,
            "state": self.state.to_api(),
            "lastState": self.last.to_api() if self.last else {},
        }


def printable(text: str) -> str:
    """Return a text that can be sent as JSON: bytes that are no UTF-8 are kept in variables only."""
    return text.encode(errors="replace").decode()


def timestamp(moment: datetime) -> str:
    """Write a time as metav1.Time: whole seconds, UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime:
    """Return the time a status is stamped with."""
    return datetime.now(UTC)
