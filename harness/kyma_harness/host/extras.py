"""What not every installation has: the extra that brings a package, for who runs into its absence."""

from collections.abc import Mapping
from typing import Final

EXTRAS: Final[Mapping[str, str]] = {
    "cyclonedx": "images",
    "docker": "docker",
    "nats": "nats",
    "packageurl": "images",
    "pytest_kind": "kind",
    "requests": "docker",
}
"""The extra of kyma-harness, by the package that is imported."""


def lacking(error: ModuleNotFoundError) -> str:
    """Say which package is missing, and how to come by it."""
    package = (error.name or str(error)).partition(".")[0]
    extra = EXTRAS.get(package)
    remedy = (
        f"`pip install 'kyma-harness[{extra}]'` brings it" if extra else "install it where kyma-harness is"
    )
    return f"the Python package {package} is not installed here: {remedy}"
