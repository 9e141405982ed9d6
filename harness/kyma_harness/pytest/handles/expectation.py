"""Expect things of one object, and wait for them, from ordinary test functions."""

from collections.abc import Callable
from dataclasses import dataclass

from kubeloop.client import Client
from kubeloop.errors import ControllerError
from kubeloop.kinds import EVENT
from kubeloop.resource import Object
from kyma_harness.host.blocking import Portal
from kyma_harness.kube.schema import schema_of, violations
from kyma_harness.wait import claims
from kyma_harness.wait.eventually import NOT_YET, eventually
from kyma_harness.wait.give_up import Patience
from kyma_harness.wait.narrative import in_order
from kyma_harness.wait.observer import Observer
from kyma_harness.wait.target import Claim, Target
from kyma_harness.wait.waits import WaitError, wait_for


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a test expects of one object; each method waits some seconds, then raises ``WaitError``.

    With an observer it is raised as soon as it is hopeless: see ``docs/reference/waits.md``.
    """

    portal: Portal
    client: Client
    target: Target
    observer: Observer | None = None
    patience: Patience | None = None
    """How long the wait bears with symptoms, where it is not as long as the others'."""

    def with_patience(self, patience: Patience) -> "Expectation":
        """Return the same expectation that gives up sooner, later or never."""
        return Expectation(self.portal, self.client, self.target, self.observer, patience)

    def to_exist(self, *, within: float = 60) -> Object:
        """Wait until there is such an object, and return it."""
        __tracebackhide__ = True
        return self._expect(claims.exists(), "exist", within)

    def to_be_gone(self, *, within: float = 60) -> None:
        """Wait until there is no such object any more."""
        __tracebackhide__ = True
        self._wait(claims.is_gone(), "be gone", within, leaving=True)

    def to_be_ready(self, *, within: float = 60) -> Object:
        """Wait until the object is ready, in the sense of its kind; returns it.

        That is state Ready for what has a ``status.state``, all replicas of the present generation for a
        workload, completion for a Job, and the condition Ready, Available or Established for anything else.
        """
        __tracebackhide__ = True
        return self._expect(claims.is_ready(), "be ready", within)

    def to_have_state(self, state: str, *, within: float = 60) -> Object:
        """Wait for a ``status.state`` of the object's present generation."""
        __tracebackhide__ = True
        patience = self._patience().accepting(state)
        return self._expect(claims.has_state(state), f"have state {state}", within, patience)

    def to_have_condition(self, type_: str, status: str = "True", *, within: float = 60) -> Object:
        """Wait until the condition of a type has a status."""
        __tracebackhide__ = True
        claim, what = claims.has_condition(type_, status), f"have condition {type_}={status}"
        # Where a condition that fails is what is waited for, nothing else that fails is a reason to stop.
        patience = self._patience() if status == "True" else Patience.endless()
        return self._expect(claim, what, within, patience)

    def to_match(self, pattern: Object, *, within: float = 60) -> Object:
        """Wait until the object holds everything that the pattern holds; it may hold more."""
        __tracebackhide__ = True
        return self._expect(claims.matches(pattern), "match", within, Patience.endless())

    def to_satisfy(
        self,
        predicate: Callable[[Object], bool],
        what: str,
        *,
        within: float = 60,
        patience: Patience | None = None,
    ) -> Object:
        """Wait until a predicate holds; ``what`` names it, such as "have no modules".

        Where it looks for what is not there yet, as ``seen["status"]["x"]`` does, it does not hold yet.
        Nobody but the caller knows what a predicate may wait for, so this gives up early only when told to,
        by a patience.
        """
        __tracebackhide__ = True
        claim = _satisfies(predicate, f"it does not {what} yet")
        return self._expect(claim, what, within, patience or self.patience or Patience.endless())

    def to_fit_its_schema(self) -> Object:
        """Assert that the object, as it is now, fits the schema of its CRD, with no unknown status field."""
        __tracebackhide__ = True
        target = self.target
        seen = self.portal.call(self.client.get(target.kind, target.name, target.namespace))
        schema = self.portal.call(schema_of(self.client, target.kind))
        if problems := violations(seen, schema):
            first, *others = problems
            more = "".join(f"\n  {one}" for one in others)
            raise AssertionError(f"{target} does not fit its schema: {first}{more}")
        return seen

    def to_have_event(self, reason: str, *, within: float = 60) -> Object:
        """Wait for an Event about the object with a reason, and return the last of them."""
        __tracebackhide__ = True
        target = self.target
        about = {"kind": target.kind.kind, "name": target.name, "namespace": target.namespace}
        selector = ",".join(f"involvedObject.{key}={value}" for key, value in about.items() if value)

        def ask() -> list[Object]:
            listing = self.client.list(EVENT, field_selector=f"{selector},reason={reason}")
            return in_order(self.portal.call(listing).items)

        return eventually(ask, f"an Event {reason} about {target}", within=within, tolerate=ControllerError)[
            -1
        ]

    def _expect(self, claim: Claim, what: str, within: float, patience: Patience | None = None) -> Object:
        __tracebackhide__ = True
        seen = self._wait(claim, what, within, patience)
        assert seen is not None  # noqa: S101 - the claim holds for an object that exists
        return seen

    def _wait(
        self,
        claim: Claim,
        what: str,
        within: float,
        patience: Patience | None = None,
        *,
        leaving: bool = False,
    ) -> Object | None:
        __tracebackhide__ = True
        if self.observer is None:
            waiting = wait_for(self.client, self.target, claim, what=what, within=within)
        else:
            waiting = self.observer.wait_for(
                self.target,
                claim,
                what=what,
                within=within,
                patience=patience or self._patience(),
                leaving=leaving,
            )
        try:
            return self.portal.call(waiting)
        except WaitError as error:
            # Where it was raised is of no interest to whoever reads a test's failure.
            raise error.with_traceback(None) from None

    def _patience(self) -> Patience:
        return self.patience or (self.observer.patience if self.observer else Patience())


def _satisfies(predicate: Callable[[Object], bool], missing: str) -> Claim:
    """Claim what a predicate says of an object, which may not have all yet that the predicate looks for."""

    def claim(seen: Object | None) -> str:
        try:
            return claims.satisfies(predicate, missing)(seen)
        except NOT_YET as error:
            return f"{missing} ({type(error).__name__}: {error})"

    return claim
