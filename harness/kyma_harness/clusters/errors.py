"""The errors of cluster providers.

::

    ClusterError                 (a HarnessError of kyma_harness.host)
     ├ ClusterNameError          no cluster can have that name
     ├ NotRunningError           there is no cluster of that name
     ├ RecordError               what a cluster was made for cannot be read
     ├ MismatchError             the running cluster is not the one that was asked for
     ├ NotCapableError           this provider cannot do that
     ├ ProviderUnavailableError  this machine lacks what the provider needs
     │  └ DockerError            no Docker daemon, or one that refuses
     ├ ForeignClusterError       the cluster is not ours to touch
     ├ CreationError             the cluster did not come up
     ├ ArchiveError              a file that is no archive of images
     └ BuildError                Docker could not build, load, pull or push an image
"""

from typing import Self

from kyma_harness.host.errors import HarnessError


class ClusterError(HarnessError):
    """A cluster that cannot be had, or not as asked for."""


class ClusterNameError(ClusterError):
    """A name that would not do as a folder's, a container's and a host's at once."""


class NotRunningError(ClusterError):
    """Something was asked of a cluster that does not run."""

    @classmethod
    def of_cluster(cls, name: str) -> Self:
        """Return the error for a cluster that is not there at all."""
        return cls(f"cluster {name} is not running", remedy=f"`kyma-harness --cluster {name} up` starts it")

    @classmethod
    def of_registry(cls, name: str) -> Self:
        """Return the error for a cluster whose registry beside it is gone or stopped."""
        return cls(
            f"the registry of cluster {name} does not run, and without it no image is pulled: take the "
            "cluster away with `kyma-harness down` and start again"
        )


class RecordError(ClusterError):
    """A file beside a cluster that does not tell what it was made for."""


class MismatchError(ClusterError):
    """A cluster of that name runs, made for something else."""


class NotCapableError(ClusterError):
    """Something was asked of a provider that it cannot do."""


class ProviderUnavailableError(ClusterError):
    """A provider that cannot work on this machine, or not with what it was given."""


class DockerError(ProviderUnavailableError):
    """A Docker daemon that does not answer, or does not let us in."""


class ForeignClusterError(ClusterError):
    """A cluster that somebody else made, or that does not look like one for tests."""


class CreationError(ClusterError):
    """A cluster that did not come up; its logs are kept, itself is gone."""


class ArchiveError(ClusterError):
    """A file that has no images for the nodes."""


class BuildError(ClusterError):
    """An image that Docker could not build, load, pull or push."""
