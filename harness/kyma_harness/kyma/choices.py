"""What may be chosen by name: a module of its own, so that who only offers the choice imports no more."""

import enum

CHANNEL = "alpha"
"""The channel a module is enabled with; its template is in another, which the contract allows (2.2)."""


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
