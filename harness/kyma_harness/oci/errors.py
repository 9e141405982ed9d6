"""What can go wrong on the way to an image.

::

    ImageError           (a HarnessError of kyma_harness.host)
     ├ RecipeError       image.yaml, or a file it names, is not usable
     ├ AssemblyError     this machine lacks what the image is assembled from
     └ PullError         the cluster's nodes do not get an image that was pushed
"""

from kyma_harness.host.errors import HarnessError


class ImageError(HarnessError):
    """Anything that goes wrong between a recipe and a running container."""


class RecipeError(ImageError):
    """A description of an image that cannot be used."""


class AssemblyError(ImageError):
    """An image that cannot be assembled on this machine."""


class PullError(ImageError):
    """An image that the nodes of the cluster cannot pull."""
