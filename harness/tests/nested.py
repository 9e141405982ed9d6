"""Runs of pytest that tests start, each with the plugins that it needs, and no others."""

import os

OURS = ("xdist.plugin", "pytest_rerunfailures", "kyma_harness.plugin")
OF_THIS_REPOSITORY = ("pytest_asyncio.plugin", "pytest_timeout")
"""What the top-level pyproject.toml has settings for, in runs for which that is the configuration."""


def environment(*more: str, **own: str) -> dict[str, str]:
    """Return the environment for a run of its own, with more plugins and variables.

    To look for plugins among all that is installed, and to load them, takes three times as long as the rest
    of such a run.
    """
    outer = ("PYTEST_", "COV_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    chosen = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": ",".join((*OURS, *more))}
    return inherited | chosen | own
