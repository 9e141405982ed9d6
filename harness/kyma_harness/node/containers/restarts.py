"""Whether a container that has ended is started again, and how long it waits for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESTART_ALL = "RestartAllContainers"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """What decides on a restart: the container's rules, then its own policy, then the pod's.

    `completes` is true of an init container that has done its part once it has succeeded: all but sidecars.
    """

    policy: str
    rules: tuple[Mapping[str, Any], ...] = ()
    completes: bool = False

    @classmethod
    def of(cls, container: Mapping[str, Any], pod: Mapping[str, Any], *, is_init: bool) -> "RestartPolicy":
        """Return the policy of a container of a pod."""
        own = container.get("restartPolicy")
        return cls(
            policy=own or pod["spec"].get("restartPolicy") or "Always",
            rules=tuple(container.get("restartPolicyRules") or ()) if own else (),
            completes=is_init and own != "Always",
        )

    def restarts_after(self, exit_code: int, *, condemned: bool = False) -> bool:
        """Tell whether a container is started again; `condemned` is one that a probe of its own has ended.

        Such a one is started again whatever its exit code, unless it never is.
        """
        if self.completes and exit_code == 0:
            return False
        if condemned:
            return self.policy != "Never"
        if any(_matches(rule, exit_code) for rule in self.rules):
            return True
        return self.policy == "Always" or (self.policy == "OnFailure" and exit_code != 0)


def _matches(rule: Mapping[str, Any], exit_code: int) -> bool:
    codes = rule.get("exitCodes")
    if codes is None or rule.get("action") not in {"Restart", RESTART_ALL}:
        return False
    is_among = exit_code in (codes.get("values") or ())
    return is_among if codes.get("operator") == "In" else not is_among


@dataclass(slots=True, kw_only=True)
class RestartBackoff:
    """At once the first time, then `first` seconds, doubling up to `longest`; forgiven after a long run."""

    first: float
    longest: float
    forgiven_after: float
    _next: float = 0.0

    def delay(self, *, ran_for: float) -> float:
        """Return the seconds to wait now; `ran_for` is how long the container ran before it ended."""
        if ran_for >= self.forgiven_after:
            self._next = 0.0
        delay = self._next
        self._next = min(max(self.first, 2 * delay), self.longest)
        return delay

    def reset(self) -> None:
        """Forgive everything: what is to be started has changed."""
        self._next = 0.0
