"""Everything that looks on while tests run: the view, the timeline, the steps, the doctor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from kubeloop.client import Client
from kubeloop.resource import Kind, Object
from kyma_harness.wait.diagnosis import Doctor
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.live_wait import Attendance, Line, NoLine
from kyma_harness.wait.relations import Relations
from kyma_harness.wait.steps import StepLog
from kyma_harness.wait.target import Claim, Target
from kyma_harness.wait.timeline import Timeline
from kyma_harness.wait.view import ClusterView
from kyma_harness.wait.waits import wait_for


@dataclass(slots=True, kw_only=True)
class Observer:
    """What one run sees of one cluster, from :meth:`start` until :meth:`stop`."""

    client: Client
    view: ClusterView
    doctor: Doctor
    timeline: Timeline
    steps: StepLog
    line: Line = field(default_factory=NoLine)
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def over(
        cls,
        client: Client,
        *,
        relations: Relations | None = None,
        steps: StepLog | None = None,
        line: Line | None = None,
        patience: Patience | None = None,
    ) -> Self:
        """Make an observer of the cluster that a client speaks to."""
        view, timeline = ClusterView(client), Timeline()
        view.listen(timeline.note)
        return cls(
            client=client,
            view=view,
            doctor=Doctor(view, relations),
            timeline=timeline,
            steps=steps or StepLog(),
            line=line or NoLine(),
            patience=patience or Patience(),
        )

    async def start(self, *kinds: Kind) -> None:
        """Begin to look on; the usual kinds are followed, and these."""
        await self.view.start()
        await self.view.follow(*kinds, *self.doctor.relations.kinds)

    async def stop(self) -> None:
        """Look away."""
        await self.view.stop()

    async def wait_for(
        self,
        target: Target,
        claim: Claim,
        *,
        what: str,
        within: float,
        patience: Patience | None = None,
        leaving: bool = False,
    ) -> Object | None:
        """Wait as :func:`kyma_harness.wait.waits.wait_for` does, attended, and note it as a step."""
        await self.view.follow(target.kind)
        attendance = Attendance(
            client=self.client,
            doctor=self.doctor,
            timeline=self.timeline,
            patience=patience or self.patience,
            line=self.line,
            leaving=leaving,
        )
        with self.steps.step(f"wait for {target} to {what}"):
            return await wait_for(self.client, target, claim, what=what, within=within, attendant=attendance)


@asynccontextmanager
async def observing(
    client: Client, *kinds: Kind, relations: Relations | None = None, line: Line | None = None
) -> AsyncIterator[Observer]:
    """Look on while the block runs: its waits give up early, and say why."""
    observer = Observer.over(client, relations=relations, line=line)
    await observer.start(*kinds)
    try:
        yield observer
    finally:
        await observer.stop()
