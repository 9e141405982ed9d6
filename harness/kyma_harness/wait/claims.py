"""Claims about objects: each names what is missing, and is empty when it holds."""

from collections.abc import Callable

from kubeloop.resource import Object
from kyma_harness.wait.difference import differences
from kyma_harness.wait.readiness import condition_of, lack_of_observation, lack_of_readiness, status_of
from kyma_harness.wait.target import Claim


def exists() -> Claim:
    """Claim that there is such an object."""
    return lambda seen: "" if seen else "it does not exist"


def is_gone() -> Claim:
    """Claim that there is no such object, nor one that is still being deleted."""
    return lambda seen: "it is still there" if seen else ""


def has_state(state: str) -> Claim:
    """Claim ``status.state``, as every Kyma object has it, for the object's present generation."""

    def claim(seen: Object | None) -> str:
        if seen is None:
            return "it does not exist"
        status = status_of(seen)
        actual = status.get("state", "")
        return f"its state is {actual or 'not set'}" if actual != state else lack_of_observation(seen, status)

    return claim


def has_condition(type_: str, status: str = "True") -> Claim:
    """Claim the status of a condition of a type, for the object's present generation.

    As for `kubectl wait`, what the condition says of itself counts before what the whole status says.
    """

    def claim(seen: Object | None) -> str:
        if seen is None:
            return "it does not exist"
        found = condition_of(seen, type_)
        if found.get("status") != status:
            return f"condition {type_} is {found.get('status', 'not set')}"
        return lack_of_observation(seen, found if "observedGeneration" in found else status_of(seen))

    return claim


def satisfies(predicate: Callable[[Object], bool], missing: str) -> Claim:
    """Claim whatever a predicate says of an object that exists."""
    return lambda seen: "" if seen and predicate(seen) else missing


def is_ready() -> Claim:
    """Claim that the object is ready, in the sense of its kind."""
    return lambda seen: lack_of_readiness(seen) if seen else "it does not exist"


def matches(pattern: Object) -> Claim:
    """Claim that the object holds everything that a pattern holds."""
    return lambda seen: "; ".join(differences(pattern, seen)) if seen else "it does not exist"
