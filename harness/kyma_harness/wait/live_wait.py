"""Attend waits: say what is awaited on a terminal, give up early, and explain."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kubeloop.client import Client
from kubeloop.kinds import EVENT
from kyma_harness.kube.logs import logs_of
from kyma_harness.wait.diagnosis import Doctor, pods_among
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.narrative import EVENTS, LINES, event_line, events_about, last_words, tails
from kyma_harness.wait.phase import phase_of
from kyma_harness.wait.symptoms import Symptom
from kyma_harness.wait.target import Target
from kyma_harness.wait.timeline import Timeline, lines
from kyma_harness.wait.watcher import Watcher

TICK_SECONDS = 0.5
"""The line is renewed so often; what is there sooner needs no line."""
EXPLAIN_SECONDS = 15.0
TRANSITIONS = 12
PODS = 3
"""So many pods' logs are told of; the evidence has all."""


class Line(Protocol):
    """A line on a terminal that can be written anew."""

    def say(self, text: str) -> None:
        """Show this instead of what was shown before."""

    def clear(self) -> None:
        """Show nothing any more."""


class NoLine:
    """The line where there is no terminal."""

    def say(self, text: str) -> None:
        """Keep quiet."""

    def clear(self) -> None:
        """Do nothing: there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One wait's attendant: knows what would be hopeless for this wait."""

    client: Client
    doctor: Doctor
    timeline: Timeline
    patience: Patience
    line: Line
    leaving: bool = False
    """Whether the object is waited for to be gone."""

    async def attend(self, target: Target, watcher: Watcher, within: float) -> Sequence[Symptom]:
        """Keep the line up to date until the doctor gives up."""
        hopeless = asyncio.create_task(
            self.doctor.until_hopeless(target, watcher, self.patience, leaving=self.leaving)
        )
        started = time.monotonic()
        try:
            while not (await asyncio.wait([hopeless], timeout=TICK_SECONDS))[0]:
                self.line.say(_progress(target, watcher, time.monotonic() - started, within))
            return hopeless.result()
        finally:
            hopeless.cancel()
            self.line.clear()

    async def explain(
        self, target: Target, watcher: Watcher, symptoms: Sequence[Symptom]
    ) -> tuple[Sequence[Symptom], list[str]]:
        """Examine once more, and tell of transitions, Events and logs of everything concerned."""
        found = list(symptoms) or self.doctor.examine(
            target, watcher.last, self.patience, leaving=self.leaving
        )
        concerned = self.doctor.concerned(target, watcher.last)
        events = events_about(concerned, self.doctor.view.all(EVENT))[-EVENTS:]
        seen = lines(self.timeline.of(target.kind, target.key)[-TRANSITIONS:], time.time())
        told = [
            *(["  transitions, in seconds from now:", *(f"    {one}" for one in seen)] if seen else []),
            *(["  events:", *(f"    {event_line(one)}" for one in events)] if events else []),
        ]
        try:
            async with asyncio.timeout(EXPLAIN_SECONDS):
                logs = await logs_of(self.client, pods_among(concerned)[:PODS], since=None, lines=LINES)
        except TimeoutError:
            return found, [*told, f"  logs: the API server did not answer within {EXPLAIN_SECONDS:g} s"]
        return [last_words(one, logs) for one in found], [*told, *tails(logs)]


def _progress(target: Target, watcher: Watcher, waited: float, within: float) -> str:
    """Return the live line: ``Eventing kcp-system/x: Processing, NotReady: 0/1 replicas, 4 s of 60``."""
    seen = watcher.trouble() or (str(phase_of(watcher.last)) if watcher.last else watcher.missing)
    return f"{target}: {seen}, {waited:.0f} s of {within:g}"
