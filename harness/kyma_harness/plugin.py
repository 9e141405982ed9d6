"""The pytest plugin: options, and the fixtures that scenarios are written with."""

import pytest

from kyma_harness.session.options import OPTIONS

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
    for one in OPTIONS:
        told = one.in_pytest or one.help
        group.addoption(
            one.of_pytest,
            choices=one.choices or None,
            default=one.default,
            help=f"{told} [${one.variable}]" if one.variable else told,
        )
        if one.in_file:
            parser.addini(one.of_file, one.help, default="")
    group.addoption(
        "--harness-keep",
        action="store_true",
        help="keep the session's cluster for the next run with this option, if it fits then",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that it is known under --strict-markers."""
    config.addinivalue_line("markers", "needs(capability): skip where the provider lacks the capability")
