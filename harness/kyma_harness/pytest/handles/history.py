"""Assert what objects went through during a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.resource import Kind, Object, version_of
from kyma_harness.host.blocking import Portal
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.target import Target
from kyma_harness.wait.timeline import GONE, Transition, lines

CATCH_UP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that a test gave a name; ``at`` is a Unix time in seconds."""

    name: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one object went through, as far as it has been seen."""

    target: Target
    since: float
    transitions: Sequence[Transition]

    @property
    def words(self) -> list[str]:
        """The states and phases in their order, each once for as long as it lasted; ``gone`` at the end."""
        return [word for word, _ in groupby(one.word for one in self.transitions)]

    def assert_sequence(self, *words: str, never: Sequence[str] = ()) -> None:
        """Assert that it came to each of these in turn, whatever was between, and never to any of those."""
        __tracebackhide__ = True
        for word in never:
            if word in self.words:
                raise AssertionError(f"{self.target} came to {word}, which it never should{self._shown()}")
        ahead = iter(self.words)
        for word in words:
            if word not in ahead:
                passed = " → ".join(self.words) or "nothing"
                wanted = " → ".join(words)
                raise AssertionError(
                    f"{self.target} did not go through {wanted}: no {word} in {passed}{self._shown()}"
                )

    def assert_gone_within(self, seconds: float, after: Mark) -> None:
        """Assert that it was gone so many seconds after a moment, at the latest."""
        __tracebackhide__ = True
        gone = [one.at - after.at for one in self.transitions if one.word == GONE and one.at >= after.at]
        if not gone:
            raise AssertionError(f"{self.target} was not gone after {after.name}{self._shown()}")
        if gone[0] > seconds:
            late = f"was gone {gone[0]:.1f} s after {after.name}, not within {seconds:g} s"
            raise AssertionError(f"{self.target} {late}{self._shown()}")

    def _shown(self) -> str:
        return "".join(f"\n  {line}" for line in lines(self.transitions, self.since))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What was seen of every watched object since the test began."""

    portal: Portal
    observer: Observer
    since: float

    def follow(self, *kinds: Kind) -> None:
        """Watch more kinds; those that are expected of anything are watched from then on."""
        self.portal.call(self.observer.view.follow(*kinds))

    def mark(self, name: str) -> Mark:
        """Name this moment, in the report too."""
        return Mark(name, self.observer.steps.mark(name).started)

    def of(self, kind: Kind, name: str, namespace: str | None = None) -> Track:
        """Return what an object went through, up to its present state: nothing before it is left out."""
        target = Target(kind=kind, name=name, namespace=namespace)
        self.portal.call(self._catch_up(target))
        seen = self.observer.timeline.of(kind, target.key, self.since)
        return Track(target=target, since=self.since, transitions=seen)

    async def _catch_up(self, target: Target) -> None:
        """Wait until the view has seen what the API server says of the object now."""
        if not self.observer.view.follows(target.kind):
            raise AssertionError(f"{target.kind} is not watched: call timeline.follow() before it happens")
        try:
            now = await self.observer.client.get(target.kind, target.name, target.namespace)
        except (NotFoundError, KindAbsentError):
            now = None
        await self.observer.view.until(lambda: self._is_as_new(target, now), CATCH_UP_SECONDS)

    def _is_as_new(self, target: Target, now: Object | None) -> bool:
        seen = self.observer.view.find(target)
        if now is None:
            return seen is None and self._has_left(target)
        if seen is None:
            return False
        return version_of(seen) >= version_of(now)

    def _has_left(self, target: Target) -> bool:
        """Tell whether it was seen to go: what was neither seen to come nor to go may still be to be told."""
        known = self.observer.timeline.of(target.kind, target.key)
        return bool(known) and known[-1].word == GONE
