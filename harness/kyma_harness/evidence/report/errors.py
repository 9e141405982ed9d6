"""What can go wrong with a report.

HarnessError
 └ NoEvidenceError          there is nothing that a report could be drawn from
"""

from kyma_harness.host.errors import HarnessError


class NoEvidenceError(HarnessError):
    """Report a folder in which no test has left evidence."""
