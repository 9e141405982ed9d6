"""The pytest plugin: options, and the fixtures that scenarios are written with."""

from pathlib import Path

import pytest

from kyma_harness.host.choices import Choice
from kyma_harness.session.options import QUESTIONS

pytest_plugins = (
    "kyma_harness.pytest.asked",
    "kyma_harness.pytest.graph",
    "kyma_harness.pytest.public",
    "kyma_harness.pytest.hooks",
    "kyma_harness.pytest.notes",
    "kyma_harness.pytest.report",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; pytest-kind owns its unprefixed ones."""
    group = parser.getgroup("kyma-harness", "modules against Kyma's lifecycle managers")
    group.addoption(
        "--kyma",
        choices=[str(choice) for choice in Choice],
        default="auto",
        help="which pair of lifecycle managers runs",
    )
    group.addoption("--kyma-dist", type=Path, help="a folder with the real lifecycle managers [$KYMA_DIST]")
    group.addoption("--harness-tools", type=Path, help="a folder with every tool [$HARNESS_TOOLS]")
    group.addoption("--harness-module", type=Path, help="the module.yaml of the module under test")
    for one in QUESTIONS:
        group.addoption(
            f"--harness-{one.option}", choices=one.choices or None, help=f"{one.help} [${one.variable}]"
        )
        parser.addini(f"harness_{one.name}", one.help, default="")
    group.addoption("--harness-cluster", help="take up, and leave running, the cluster of this name")
    group.addoption(
        "--harness-keep",
        action="store_true",
        help="keep the session's cluster for the next run with this option, if it fits then",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that it is known under --strict-markers."""
    config.addinivalue_line("markers", "needs(capability): skip where the provider lacks the capability")
