"""One cluster for everything that is looked at, and one run of the demonstration in it."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from nested import OF_THIS_REPOSITORY, environment

from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.blocking import Portal
from kyma_harness.host.process import run
from kyma_harness.toolchain.toolchain import ToolPaths

HERE = Path(__file__).parent
DEMONSTRATION = HERE / "demo" / "failing.py"
BREAKAGES = HERE / "breakages" / "failing.py"
SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """What a run of the failing tests has left."""

    output: str
    evidence: Path

    def folder(self, test: str) -> Path:
        """Return the evidence of one test."""
        (found,) = self.evidence.glob(f"{test}-*")
        return found

    def data(self, test: str) -> dict:
        """Return what the report knows of one test."""
        return json.loads((self.folder(test) / "evidence.json").read_text())


@pytest.fixture(scope="package")
def looked_at(
    portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedCluster]:
    cluster = portal.call(
        EmbeddedCluster.start(
            name="observe-tests",
            state=tmp_path_factory.mktemp("looked-at") / "state",
            tools=tools,
            rules=[HERE / "demo" / "rules.yaml"],
            detached=False,
        )
    )
    yield cluster
    portal.call(cluster.stop())


@pytest.fixture(scope="package")
def demonstration(
    looked_at: EmbeddedCluster, portal: Portal, tmp_path_factory: pytest.TempPathFactory
) -> Demonstration:
    evidence = tmp_path_factory.mktemp("demonstration") / "evidence"
    return _run_of(DEMONSTRATION, portal, evidence, KUBECONFIG=str(looked_at.kubeconfig))


@pytest.fixture(scope="package")
def breakages(portal: Portal, tools: ToolPaths, tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """One run of all modules that are broken, in one cluster."""
    evidence = tmp_path_factory.mktemp("breakages") / "evidence"
    return _run_of(BREAKAGES, portal, evidence, HARNESS_TOOLS=str(tools.folder))


def _run_of(tests: Path, portal: Portal, evidence: Path, **variables: str) -> Demonstration:
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", f"--harness-evidence={evidence}"]
    argv = [sys.executable, "-m", "pytest", *options, tests]
    own = environment(*OF_THIS_REPOSITORY, COLUMNS="2000", **variables)
    ended = portal.call(run(argv, timeout=SECONDS, env=own, cwd=HERE.parents[2], check=False))
    return Demonstration(output=ended.stdout, evidence=evidence)
