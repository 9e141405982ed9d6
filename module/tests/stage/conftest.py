"""The stage: helm and the chart that it renders are real, everything else is in memory."""

import os
from pathlib import Path

import pytest
from stage_life import Life

from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.tools import ensure, explicit_tools

CHART = Path(__file__).parents[3] / "module-chart"


@pytest.fixture(scope="session")
def helm(portal):
    """The only tool that is needed."""
    tools = portal.call(ensure(explicit=explicit_tools(os.environ), cache=cache_dir(), only={"helm"}))
    return str(tools.folder / "helm")


@pytest.fixture
def life(helm):
    """Make lives, each of which is played in a loop of its own."""
    return lambda **settings: Life(helm, str(CHART), **settings)
