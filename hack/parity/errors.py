"""The error of this package."""

from kyma_harness.host.errors import HarnessError


class ParityError(HarnessError):
    """The two pairs differ where they should not."""
