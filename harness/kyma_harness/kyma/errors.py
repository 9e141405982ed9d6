"""The errors of this package.

::

    KymaError                (a HarnessError of kyma_harness.host)
     ├ ModuleError          module.yaml, or a file it names, is not usable
     ├ BundleError          the chart cannot be packed
     ├ RegistryError        the OCI registry
     │  ├ RegistryDownError       nobody answers there
     │  ├ RegistryRefusedError    it answers, and says no
     │  ├ BlobNotFoundError       it has no such blob or manifest
     │  └ DigestMismatchError     its bytes are not those of the digest
     ├ DistributionError    no usable pair of lifecycle managers
     └ DeployError          the cluster did not become what a step waits for

Each message says what happened, to which object, and what to do.
"""

from kyma_harness.host.errors import HarnessError


class KymaError(HarnessError):
    """Anything that goes wrong between a module's folder and a Ready Kyma."""


class ModuleError(KymaError):
    """A module description that cannot be used."""


class BundleError(KymaError):
    """A chart or config that cannot be packed."""


class RegistryError(KymaError):
    """An OCI registry that did not do what was asked."""


class RegistryDownError(RegistryError):
    """Nothing answers at the registry's address, or not in time."""


class RegistryRefusedError(RegistryError):
    """The registry answers with a refusal: credentials, rights, or its own trouble."""


class BlobNotFoundError(RegistryError):
    """The registry does not hold the blob or manifest."""


class DigestMismatchError(RegistryError):
    """The registry's bytes do not have the digest they were asked for by."""


class DistributionError(KymaError):
    """The lifecycle managers that were asked for are not to be had."""


class DeployError(KymaError):
    """The cluster did not reach the state a step waits for."""
