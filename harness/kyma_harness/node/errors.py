"""What keeps a pod from running on the process node.

HarnessError
 └ NodeError
    ├ RuleError                a rule file is wrong: shown before anything is started
    ├ ImageError               no rule knows the image: the container waits as ErrImagePull
    ├ ContainerConfigError     the container's environment cannot be built: CreateContainerConfigError
    ├ LaunchError              no process can be made of it: CreateContainerError
    ├ VolumeError              a volume cannot be set up: FailedMount, tried again
    └ AddressError             a Service or port has no address on this host
"""

from kyma_harness.host.errors import HarnessError


class NodeError(HarnessError):
    """Say what happened to which pod, volume or rule, and what to do about it."""


class RuleError(NodeError):
    """Report a rule file that cannot be read, naming file, rule and field."""


class ImageError(NodeError):
    """Report an image that no rule turns into a command."""


class ContainerConfigError(NodeError):
    """Report a container whose environment refers to something that is not there."""


class LaunchError(NodeError):
    """Report a command or variable that no process can be given."""


class VolumeError(NodeError):
    """Report a volume that cannot be set up, now or ever."""


class AddressError(NodeError):
    """Report a Service or port that has no address on this host."""
