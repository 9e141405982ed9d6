"""Look on while somebody waits, and say when it is hopeless, and why."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kubeloop.kinds import DEPLOYMENT, POD
from kubeloop.resource import Kind, Object, ObjectKey, describe
from kyma_harness.wait.give_up import Category, Patience
from kyma_harness.wait.relations import (
    Relations,
    belongings,
    closure,
    finalizers_held,
    is_scaled_to_zero,
    is_served_by_kubernetes,
)
from kyma_harness.wait.symptoms import Symptom, symptoms_of, symptoms_of_end
from kyma_harness.wait.target import Target
from kyma_harness.wait.view import WORKLOADS, ClusterView
from kyma_harness.wait.watcher import Watcher

ROUND_SECONDS = 1.0
"""At least so often a waiting object is examined, should no change of anything cause it."""


class Doctor:
    """Examine what is waited for with all that belongs to it: parts, workloads, pods, its manager."""

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
        for one in self._symptoms(target, seen, patience, leaving=leaving):
            found.setdefault(one.identity, one)
        weights = list(Category)
        return sorted(found.values(), key=lambda one: weights.index(one.category))

    def concerned(self, target: Target, seen: Object | None) -> list[Object]:
        """Return what an answer to "why" has to look at: the object, its parts, their pods and stewards."""
        found: dict[tuple[Kind, ObjectKey], Object] = {}
        for part in closure(target, self._finder(target, seen), self.relations):
            for obj in (*self._with_belongings(part, target, seen), *self._stewards(part)):
                found[Kind.of(obj), ObjectKey.of(obj)] = obj
        return list(found.values())

    def _symptoms(
        self, target: Target, seen: Object | None, patience: Patience, *, leaving: bool
    ) -> Iterator[Symptom]:
        for part in closure(target, self._finder(target, seen), self.relations):
            for obj in self._with_belongings(part, target, seen):
                # Of what is to go only finalizers matter; its pods may crash.
                bearing = self._bearing(obj, patience)
                yield from self._held(obj) if leaving else symptoms_of(obj, bearing)
                if not leaving:
                    yield from self._held(obj)
            if seen and part == target and not leaving:
                yield from symptoms_of_end(seen)
            for obj in self._stewards(part):
                yield from symptoms_of(obj, patience)

    def _bearing(self, obj: Object, patience: Patience) -> Patience:
        """Bear with an object's state while a part of it is silent: that is what its controller waits for."""
        is_early = self.relations.has_silent_part(obj, self.view.find)
        return replace(patience, states=frozenset()) if is_early else patience

    def _with_belongings(self, part: Target, target: Target, seen: Object | None) -> Iterable[Object]:
        root = self._finder(target, seen)(part)
        return [root, *belongings(root, self.view.all(*WORKLOADS))] if root else []

    def _stewards(self, part: Target) -> Iterable[Object]:
        steward = self.relations.steward_of(part)
        deployment = self.view.find(steward) if steward else None
        return [deployment, *belongings(deployment, self.view.all(*WORKLOADS))] if deployment else []

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

    def _finder(self, target: Target, seen: Object | None) -> "Finder":
        return Finder(self.view, target, seen)


class Finder:
    """Find objects in the view, but the one that is waited for as its own watch saw it last."""

    def __init__(self, view: ClusterView, target: Target, seen: Object | None) -> None:
        self._view = view
        self._target = target
        self._seen = seen

    def __call__(self, wanted: Target) -> Object | None:
        """Return the object, or None."""
        return self._seen if wanted == self._target else self._view.find(wanted)


def pods_among(objects: Iterable[Object]) -> list[Object]:
    """Return the pods of a mixture of objects."""
    return [obj for obj in objects if obj["kind"] == POD.kind]


def _left(symptom: Symptom, patience: Patience, lasted: float) -> float:
    limit = patience.limit(symptom.category)
    return float("inf") if limit is None else limit - lasted


async def _changed(event: asyncio.Event, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return
