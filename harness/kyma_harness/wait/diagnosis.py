"""Look on while somebody waits, and say when it is hopeless, and why."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kubeloop.kinds import DEPLOYMENT
from kubeloop.resource import Kind, Object, describe
from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.relations import (
    Relations,
    finalizers_held,
    is_scaled_to_zero,
    is_served_by_kubernetes,
)
from kyma_harness.wait.sight import Sight
from kyma_harness.wait.symptoms import Symptom, symptoms_of, symptoms_of_end, symptoms_of_events
from kyma_harness.wait.target import Target
from kyma_harness.wait.view import ClusterView
from kyma_harness.wait.watcher import Watcher

ROUND_SECONDS = 1.0
"""At least so often a waiting object is examined, should no change of anything cause it."""


class Doctor:
    """Examine what is waited for with all that belongs to it: parts, workloads, pods, its manager.

    While it is not there, that includes on whose behalf it is made, and who makes it.
    """

    def __init__(self, view: ClusterView, relations: Relations | None = None) -> None:
        self.view = view
        self.relations = relations or Relations()

    async def until_hopeless(
        self, target: Target, watcher: Watcher, patience: Patience, *, leaving: bool = False
    ) -> Sequence[Symptom]:
        """Return what is wrong, the weightiest first, once one symptom has lasted longer than is borne.

        ``leaving`` is for somebody who waits until the object is gone: its own pods are no matter then.
        """
        loop, since = asyncio.get_running_loop(), dict[tuple[Category, str], float]()
        silence = self.view.listen(lambda _kind, _old, _new: watcher.changed.set())
        try:
            while True:
                watcher.changed.clear()
                now, found = loop.time(), self.examine(target, watcher.last, patience, leaving=leaving)
                since = {one.identity: since.get(one.identity, now) for one in found}
                left = [_left(one, patience, now - since[one.identity]) for one in found]
                if any(seconds <= 0 for seconds in left):
                    return found
                await _changed(watcher.changed, min([*left, ROUND_SECONDS]))
        finally:
            silence()

    def examine(
        self, target: Target, seen: Object | None, patience: Patience, *, leaving: bool = False
    ) -> list[Symptom]:
        """Return everything that is wrong now, the weightiest first; each symptom once."""
        found: dict[tuple[Category, str], Symptom] = {}
        for one in self._symptoms(self.look(target, seen), patience, leaving=leaving):
            found.setdefault(one.identity, one)
        weights = list(Category)
        return sorted(found.values(), key=lambda one: weights.index(one.category))

    def look(self, target: Target, seen: Object | None) -> Sight:
        """Look at the cluster as it is now, on behalf of who waits for an object."""
        return Sight(self.view, self.relations, target, seen)

    def _symptoms(self, sight: Sight, patience: Patience, *, leaving: bool) -> Iterator[Symptom]:
        for part in sight.parts():
            for obj in sight.with_belongings(part):
                # Of what is to go only finalizers matter; its pods may crash.
                if not leaving:
                    yield from self._symptoms_of(obj, sight, patience)
                yield from self._held(obj)
            if part == sight.target and not leaving and (seen := sight.find(part)):
                yield from symptoms_of_end(seen)
            yield from self._symptoms_of_stewards(part, sight, patience)
        for whole in () if leaving else sight.wholes():
            if (made_for := sight.find(whole)) is not None:
                yield from self._symptoms_of(made_for, sight, patience)
            yield from self._symptoms_of_stewards(whole, sight, patience)

    def _symptoms_of(self, obj: Object, sight: Sight, patience: Patience) -> Iterator[Symptom]:
        # An object's state is borne with while a part of it is silent: that is what its controller waits for.
        is_early = self.relations.has_silent_part(obj, self.view.find)
        yield from symptoms_of(obj, replace(patience, states=frozenset()) if is_early else patience)
        yield from symptoms_of_events(obj, sight.events_about(obj))

    def _symptoms_of_stewards(self, part: Target, sight: Sight, patience: Patience) -> Iterator[Symptom]:
        for obj in sight.stewards_of(part):
            yield from symptoms_of(obj, patience)
            yield from symptoms_of_events(obj, sight.events_about(obj))

    def _held(self, obj: Object) -> Iterator[Symptom]:
        for finalizer in finalizers_held(obj):
            if not is_served_by_kubernetes(finalizer):
                yield from self._unserved(obj, finalizer)

    def _unserved(self, obj: Object, finalizer: str) -> Iterator[Symptom]:
        words = f"it is being deleted and held by the finalizer {finalizer}"
        serving = self.relations.finalizers.get(finalizer) or self.relations.stewards.get(
            Kind.of(obj).group_kind
        )
        if serving is None:
            cause = f"{words}, and nobody is known to serve that"
            yield Symptom(category=Category.UNKNOWN, subject=describe(obj), cause=cause)
            return
        deployment = self.view.find(
            Target(kind=DEPLOYMENT, name=serving.name, namespace=serving.namespace or None)
        )
        if deployment is None or is_scaled_to_zero(deployment):
            state = "does not exist" if deployment is None else "is scaled to 0"
            yield Symptom(
                category=Category.FINALIZER,
                subject=describe(obj),
                cause=f"{words}, which nobody serves: Deployment {serving} {state}",
            )


def _left(symptom: Symptom, patience: Patience, lasted: float) -> float:
    limit = patience.limit(symptom.category)
    return float("inf") if limit is None else limit - lasted


async def _changed(event: asyncio.Event, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return
