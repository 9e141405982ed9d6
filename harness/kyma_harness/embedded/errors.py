"""What can go wrong with the embedded cluster.

HarnessError
 └ EmbeddedError
    ├ ComponentFailedError       a part of the cluster ended or did not get ready: with its last log lines
    ├ ClusterRunningError        a cluster of this name runs already: names who holds it
    ├ ClusterStartError          the supervisor could not bring the cluster up
    ├ ClusterStopError           the supervisor did not end, although asked and killed
    └ NoAddressError             a Service has no address on this host
"""

from kyma_harness.host.errors import HarnessError


class EmbeddedError(HarnessError):
    """Cover everything that is wrong with the embedded cluster."""


class ComponentFailedError(EmbeddedError):
    """Report a component that ended, or was not ready in time."""

    def __init__(self, name: str, reason: str, log_tail: str) -> None:
        log = f"Its last lines:\n{log_tail}" if log_tail else "It wrote nothing."
        super().__init__(f"{name} {reason}. {log}")
        self.name = name


class ClusterRunningError(EmbeddedError):
    """Report that another supervisor holds the cluster's name."""


class ClusterStartError(EmbeddedError):
    """Report that the supervisor could not bring the cluster up; nothing is left running."""


class ClusterStopError(EmbeddedError):
    """Report a supervisor that does not end."""


class NoAddressError(EmbeddedError):
    """Report a Service that cannot be reached from this host."""
