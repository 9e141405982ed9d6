"""How a container tells its pod what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass

from kyma_harness.node.events import EventRecorder, EventType
from kyma_harness.node.sandbox import Sandbox
from kyma_harness.node.states import ContainerRecord, State, Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Write a container's record and Events; `changed` is called when the pod's status is to be written anew.

    `field` is the container's place in the pod: `spec.containers` or `spec.initContainers`.
    """

    record: ContainerRecord
    sandbox: Sandbox
    events: EventRecorder
    changed: Callable[[], None]
    field: str

    def state(self, state: State) -> None:
        """Report a new state."""
        self.record.state = state
        self.changed()

    def waiting(self, reason: str, message: str) -> None:
        """Report what the container waits for."""
        self.state(Waiting(reason, message))

    def health(self, *, started: bool, ready: bool) -> None:
        """Report what the probes say."""
        self.record.started, self.record.ready = started, ready
        self.changed()

    def event(self, kind: EventType, reason: str, message: str) -> None:
        """Record an Event of this container."""
        self.events.record(
            dict(self.sandbox.facts.pod), kind, reason, message, field=f"{self.field}{{{self.record.name}}}"
        )
