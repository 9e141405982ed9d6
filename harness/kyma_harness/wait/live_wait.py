"""Attend waits: say what is awaited on a terminal, give up early, and explain."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kubeloop.client import Client
from kubeloop.kinds import POD
from kubeloop.resource import Object, ObjectKey
from kyma_harness.kube.logs import ContainerLog, logs_of
from kyma_harness.wait.chain import Link, drawn, keeps_all_others, walk
from kyma_harness.wait.diagnosis import Doctor
from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.loglines import last_error, last_said, read
from kyma_harness.wait.narrative import EVENTS, event_line, event_words, tails
from kyma_harness.wait.phase import phase_of
from kyma_harness.wait.readiness import status_of
from kyma_harness.wait.sight import Sight, of_kind
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
READ = 300
"""Lines of a log: an error may have many frames below it."""
CAUSES = 3
"""So many causes are asked of who serves the object."""


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
        sight = self.doctor.look(target, watcher.last)
        found = list(symptoms) or self.doctor.examine(
            target, watcher.last, self.patience, leaving=self.leaving
        )
        links = walk(sight, self.timeline, leaving=self.leaving)
        if cause := keeps_all_others(links, found):
            found = [cause, *(one for one in found if one != cause)]
        found = [with_warning(one, sight) for one in found]
        concerned = sight.concerned()
        told = self._told(target, links, sight.events_about(*concerned)[-EVENTS:])
        try:
            async with asyncio.timeout(EXPLAIN_SECONDS):
                pods = _worth_reading(found, sight, concerned)
                logs = await logs_of(self.client, pods, since=None, lines=READ)
        except TimeoutError:
            return found, [*told, f"  logs: the API server did not answer within {EXPLAIN_SECONDS:g} s"]
        enriched = [with_last_words(one, sight, logs) for one in found]
        return enriched, [*told, *tails(logs[: PODS * 2])]

    def _told(self, target: Target, links: Sequence[Link], events: Sequence[Object]) -> list[str]:
        seen = lines(self.timeline.of(target.kind, target.key)[-TRANSITIONS:], time.time())
        chain = drawn(links) if len(links) > 1 else []
        return [
            *(["  what waits for what:", *(f"    {one}" for one in chain)] if chain else []),
            *(["  transitions, in seconds from now:", *(f"    {one}" for one in seen)] if seen else []),
            *(["  events:", *(f"    {event_line(one)}" for one in events)] if events else []),
        ]


def _worth_reading(found: Sequence[Symptom], sight: Sight, concerned: Sequence[Object]) -> list[Object]:
    """Return the pods whose logs have most to say: of the first causes, of who serves these, then others."""
    named = [one.pod[:2] for one in found if one.pod]
    pods = {tuple(ObjectKey.of(one)): one for one in of_kind(POD, concerned)}
    first = [pods[one] for one in named if one in pods]
    serving = [
        obj for one in found[:CAUSES] if one.about for obj in of_kind(POD, sight.stewards_of(one.about))
    ]
    ordered = {tuple(ObjectKey.of(one)): one for one in (*first, *serving, *pods.values())}
    return list(ordered.values())[:PODS]


def with_warning(symptom: Symptom, sight: Sight) -> Symptom:
    """Add to a state that the object does not explain what the last Event of type Warning says of it."""
    obj = sight.find(symptom.about) if symptom.about else None
    if obj is None or symptom.cause != f"its state is {status_of(obj).get('state')}":
        return symptom
    warnings = [one for one in sight.events_about(obj) if one.get("type") == "Warning"]
    if not warnings:
        return symptom
    return replace(symptom, cause=f"{symptom.cause}, {event_words(warnings[-1])}")


def with_last_words(symptom: Symptom, sight: Sight, logs: Sequence[ContainerLog]) -> Symptom:
    """Add to a symptom what the container, or the manager of the object, has logged last."""
    if symptom.pod:
        # What it wrote before its restart is what it crashed with; it is read first.
        own = [one for one in logs if symptom.pod == (one.namespace, one.pod, one.container)]
        words = next(filter(None, (last_said(read(one.text)) for one in own)), "")
        return replace(symptom, cause=f"{symptom.cause}; it wrote last: {words}") if words else symptom
    if symptom.about is None:
        return symptom
    stewards = sight.stewards_of(symptom.about)
    theirs = {ObjectKey.of(one) for one in of_kind(POD, stewards)}
    said = [line for one in logs if (one.namespace, one.pod) in theirs for line in read(one.text)]
    is_guess = symptom.category is Category.UNKNOWN
    words = last_error(said, symptom.about.name, others=is_guess) or (last_said(said) if is_guess else "")
    rest = words.partition(": ")[2]
    if not words or words in symptom.cause or (rest and rest in symptom.cause):
        return symptom
    return replace(symptom, cause=f"{symptom.cause}; {ObjectKey.of(stewards[0]).name} logged last: {words}")


def _progress(target: Target, watcher: Watcher, waited: float, within: float) -> str:
    """Return the live line: ``Eventing kcp-system/x: Processing, NotReady: 0/1 replicas, 4 s of 60``."""
    seen = watcher.trouble() or (str(phase_of(watcher.last)) if watcher.last else watcher.missing)
    return f"{target}: {seen}, {waited:.0f} s of {within:g}"
