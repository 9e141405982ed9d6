"""Wait for an object to become what is claimed of it, by watching it; say why where it does not."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kubeloop.client import Client
from kubeloop.resource import Object
from kyma_harness.wait.describe import describe
from kyma_harness.wait.give_up import Category
from kyma_harness.wait.symptoms import Symptom
from kyma_harness.wait.target import Claim, Target
from kyma_harness.wait.watcher import Watcher

__all__ = ["Attendant", "Claim", "Target", "WaitError", "wait_for"]


class WaitError(AssertionError):
    """What was waited for did not come: carries the object as it was last seen, and the causes found.

    ``timed_out`` tells that it was waited for until the end, and not given up before.
    """

    def __init__(
        self,
        message: str,
        last: Object | None,
        symptoms: Sequence[Symptom] = (),
        *,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.last = last
        self.symptoms = tuple(symptoms)
        self.timed_out = timed_out


class Attendant(Protocol):
    """Somebody who looks on while we wait."""

    async def attend(self, target: Target, watcher: Watcher, within: float) -> Sequence[Symptom]:
        """Return what makes it hopeless, once it is."""

    async def explain(
        self, target: Target, watcher: Watcher, symptoms: Sequence[Symptom]
    ) -> tuple[Sequence[Symptom], list[str]]:
        """Return all causes, the weightiest first, and lines with what was seen around the object."""


async def wait_for(
    client: Client,
    target: Target,
    claim: Claim,
    *,
    what: str,
    within: float = 60,
    attendant: Attendant | None = None,
) -> Object | None:
    """Wait until the claim about the object holds, and return the object as it then was.

    ``within`` is in seconds. Raises :class:`WaitError` whose first line says what stands in the way, as far
    as that is known, and whose other lines say what was missing and what was last seen. With an attendant it
    is raised as soon as the attendant says that it is hopeless.
    """
    watcher, started = Watcher(client, target, claim), time.monotonic()
    watching = asyncio.create_task(watcher.run())
    attending = asyncio.create_task(_attended(attendant, target, watcher, within))
    try:
        await asyncio.wait({watching, attending}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            return watching.result()
        symptoms = attending.result() if attending.done() else ()
        failure = _Failure(
            target=target,
            what=what,
            within=within,
            waited=time.monotonic() - started,
            missing=watcher.missing,
            trouble=watcher.trouble(),
            is_kind_absent=watcher.is_kind_absent,
        )
    finally:
        watching.cancel()
        attending.cancel()
        await asyncio.gather(watching, attending, return_exceptions=True)
    around: list[str] = []
    if attendant is not None:
        symptoms, around = await attendant.explain(target, watcher, symptoms)
    message = "\n".join([*failure.lines(symptoms), describe(watcher.last), *around])
    raise WaitError(message, watcher.last, symptoms, timed_out=failure.timed_out)


async def _attended(
    attendant: Attendant | None, target: Target, watcher: Watcher, within: float
) -> Sequence[Symptom]:
    if attendant is None:
        await asyncio.get_running_loop().create_future()  # nobody gives up before the time is up
        return ()
    return await attendant.attend(target, watcher, within)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """What is told of a wait that was in vain."""

    target: Target
    what: str
    within: float
    waited: float
    missing: str
    trouble: str
    is_kind_absent: bool

    @property
    def timed_out(self) -> bool:
        """Whether it was waited for until the end."""
        return self.waited >= self.within - 0.05

    def lines(self, symptoms: Sequence[Symptom]) -> list[str]:
        """Return the cause, and then what was waited for; just the latter where no cause is known."""
        causes = [*([self.trouble] if self.trouble else []), *map(str, symptoms)]
        if self.is_kind_absent and any(one.category is not Category.UNKNOWN for one in symptoms):
            causes = [*causes[1:], causes[0]]  # a kind is absent for a reason
        until = "" if self.timed_out else f"gave up after {self.waited:.1f} s of {self.within:g} s"
        sentence = f"{self.target} did not come to {self.what}"
        if not causes:
            return [f"{sentence} within {self.within:g} s: {self.missing}"]
        first, *others = causes
        until = until or f"waited {self.within:g} s"
        return [first, f"  so {sentence} ({until}): {self.missing}", *(f"  also: {one}" for one in others)]
