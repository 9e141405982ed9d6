"""What can go wrong with making things go wrong.

HarnessError
 └ FaultError
    ├ NoSuchProcessError     there is no such component or container to be hit
    ├ NotBackError           what was taken down did not come back when the fault was undone
    └ NotPossibleError       this machine, or this volume, does not let us make the fault
"""

from kyma_harness.host.errors import HarnessError


class FaultError(HarnessError):
    """Cover every fault that could not be made or undone."""


class NoSuchProcessError(FaultError):
    """Report that what was to be hit does not run."""


class NotBackError(FaultError):
    """Report a component that stays away after its fault was undone."""


class NotPossibleError(FaultError):
    """Report a fault that cannot be made here; the test that wants it is to be skipped."""
