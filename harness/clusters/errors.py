"""The errors of cluster providers.

::

    ClusterError
     ├ NotRunningError    there is no cluster of that name
     └ MismatchError      the running cluster is not the one that was asked for
"""

from harness.host.errors import HarnessError


class ClusterError(HarnessError):
    """A cluster that cannot be had, or not as asked for."""


class NotRunningError(ClusterError):
    """Something was asked of a cluster that does not run."""


class MismatchError(ClusterError):
    """A cluster of that name runs, made for something else."""
