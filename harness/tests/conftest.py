"""What the harness' own tests share: the tools, and one embedded cluster per session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.blocking import Portal
from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.catalogue import catalogue
from kyma_harness.toolchain.toolchain import ConsoleProgress, Toolchain, ToolError, ToolPaths
from kyma_harness.toolchain.tools import explicit_tools

RULES = Path(__file__).with_name("node") / "rules.yaml"


@pytest.fixture(scope="session")
def tools(portal: Portal) -> ToolPaths:
    """The tools as `make tools` has left them; a test never fetches or builds one."""
    toolchain = Toolchain(
        cache=cache_dir(),
        ways=(),
        progress=ConsoleProgress(Console(quiet=True)),
        explicit=explicit_tools(os.environ),
    )
    try:
        return portal.call(toolchain.ensure([tool for tool in catalogue() if not tool.optional]))
    except ToolError as error:
        pytest.fail(f"the tools are missing: run `make tools`, or set HARNESS_TOOLS. {error}", pytrace=False)


@pytest.fixture(scope="session")
def embedded_cluster(
    portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedCluster]:
    """A running cluster that can run scripts as pods, for tests that leave it as they found it."""
    state = tmp_path_factory.mktemp("cluster") / "state"
    cluster = portal.call(
        EmbeddedCluster.start(name="harness-tests", state=state, tools=tools, rules=[RULES], detached=False)
    )
    yield cluster
    portal.call(cluster.stop())
