"""The error of this package."""

from harness.host.errors import HarnessError


class ParityError(HarnessError):
    """The two pairs differ where they should not."""
