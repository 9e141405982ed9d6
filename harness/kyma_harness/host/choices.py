"""What may be chosen by name: a module of its own, so that who only offers the choice imports no more."""

import enum

AUTO = "auto"
"""k3d where Docker and k3d answer, else embedded."""
NAMES = ("embedded", "k3d", "kind", "existing")
"""The providers of clusters."""

CHANNEL = "alpha"
"""The channel a module is enabled with; its template is in another, which the contract allows (2.2)."""
CAPABILITIES = frozenset({"containers", "pod-network", "process-node"})
"""What not every provider can do: see :class:`kyma_harness.clusters.provider.Capability`."""


class Choice(enum.StrEnum):
    """Which pair is asked for, as in ``--kyma=``."""

    AUTO = "auto"
    """The real pair where it can be had, else the built-in one."""
    REAL = "real"
    BUILTIN = "builtin"


class Way(enum.StrEnum):
    """How the image of the module's manager is made, as in ``--harness-image``."""

    AUTO = "auto"
    """By Docker where the cluster itself is Docker's, else assembled."""
    DOCKER = "docker"
    ASSEMBLED = "assembled"


class Stage(enum.StrEnum):
    """The main job's steps, in their order."""

    CLUSTER = "cluster"
    BUNDLE = "bundle"
    MANAGERS = "managers"
    KYMA = "kyma"
    RIGHTS = "rights"
    ENABLE = "enable"
    VERIFY = "verify"

    @classmethod
    def between(cls, first: "Stage", last: "Stage") -> "list[Stage]":
        """Return the stages from one to another, both included, in their order."""
        order = list(cls)
        return order[order.index(first) : order.index(last) + 1]
