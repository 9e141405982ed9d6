"""One look at a cluster on behalf of a wait: what is waited for, and all that has to do with it."""

from collections import defaultdict
from collections.abc import Iterable

from kubeloop.kinds import EVENT
from kubeloop.resource import Kind, Object, ObjectKey, uid_of
from kyma_harness.wait.narrative import in_order
from kyma_harness.wait.relations import Relations, belongings, closure, installed_for
from kyma_harness.wait.target import Target
from kyma_harness.wait.view import WORKLOADS, ClusterView


class Sight:
    """What there is now; of the object that is waited for, what its own watch saw last."""

    def __init__(self, view: ClusterView, relations: Relations, target: Target, seen: Object | None) -> None:
        self.relations = relations
        self.target = target
        self._view = view
        self._seen = seen
        self._workloads = list(view.all(*WORKLOADS))
        self._events: dict[str, list[Object]] = defaultdict(list)
        for event in view.all(EVENT):
            self._events[event.get("involvedObject", {}).get("uid", "")].append(event)

    def find(self, wanted: Target) -> Object | None:
        """Return an object, or None."""
        return self._seen if wanted == self.target else self._view.find(wanted)

    def parts(self) -> list[Target]:
        """Return what is waited for, and all its parts as far as objects tell which those are."""
        return closure(self.target, self.find, self.relations)

    def wholes(self) -> list[Target]:
        """Return on whose behalf it is made: as far up as there is somebody to ask."""
        return list(self.relations.wholes_of(self.target, self.find))

    def with_belongings(self, part: Target) -> list[Object]:
        """Return an object with all that is made for it, its pods included; nothing where it is not there."""
        if (root := self.find(part)) is None:
            return []
        found = {uid_of(one): one for one in (root, *belongings(root, self._workloads))}
        if part.kind not in WORKLOADS:
            steward = self.relations.steward_of(part)
            key, events = steward.key if steward else None, self.events_about(root)
            for one in installed_for(root, self._workloads, steward=key, events=events):
                more = (one, *belongings(one, self._workloads))
                found |= {uid_of(each): each for each in more if uid_of(each) not in found}
        return list(found.values())

    def stewards_of(self, part: Target) -> list[Object]:
        """Return the Deployment that reconciles objects of this kind, with its pods, where it is known."""
        steward = self.relations.steward_of(part)
        deployment = self._view.find(steward) if steward else None
        return [deployment, *belongings(deployment, self._workloads)] if deployment else []

    def concerned(self) -> list[Object]:
        """Return what an answer to "why" has to look at: all these, their pods and stewards."""
        found: dict[tuple[Kind, ObjectKey], Object] = {}
        for part in (*self.parts(), *self.wholes()):
            for obj in (*self.with_belongings(part), *self.stewards_of(part)):
                found.setdefault((Kind.of(obj), ObjectKey.of(obj)), obj)
        return list(found.values())

    def events_about(self, *objects: Object) -> list[Object]:
        """Return the Events about any of these objects, oldest first."""
        return in_order(
            event for obj in objects for event in self._events.get(obj["metadata"].get("uid", ""), ())
        )


def of_kind(kind: Kind, objects: Iterable[Object]) -> list[Object]:
    """Return those of a mixture of objects that are of a kind."""
    return [obj for obj in objects if obj["kind"] == kind.kind]
