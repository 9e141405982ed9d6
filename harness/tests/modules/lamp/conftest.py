"""Put the Lamp in the place of the module under test, with each pair of managers in turn."""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kubeloop.client import Client
from kyma_harness.cli.example import LAMP
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.module import Module
from kyma_harness.session.options import Settings, from_environment
from kyma_harness.session.setup import Testbed

Offer = Callable[..., Module]


@pytest.fixture(scope="session", params=[Choice.BUILTIN, Choice.REAL])
def kyma_harness_settings(request: pytest.FixtureRequest) -> Settings:
    """A cluster of this session's own with the Lamp; the real pair where $KYMA_DIST has it."""
    if request.param is Choice.REAL and not os.environ.get("KYMA_DIST"):
        pytest.skip("$KYMA_DIST names no folder with the real lifecycle managers")
    return from_environment(
        cluster=f"lamp-{request.param}-{os.getpid()}",
        provider="embedded",
        detached=False,
        kyma=request.param,
        module=LAMP / "module.yaml",
    )


@pytest.fixture(autouse=True)
def offer(testbed: Testbed, client: Client, portal: Portal, tmp_path: Path) -> Offer:
    """Bundle the Lamp, or a later version of it, and apply its template; returns the module.

    Each test has digests of its own: the original module-manager may leave out the CRDs of a chart that it
    has rendered before, when another version was the last one before the removal.
    """

    def call(*, version: str = "1.0.0", colour: str = "white") -> Module:
        module = _release(tmp_path / version, version, colour)
        released = portal.call(dataclasses.replace(testbed, module=module).bundle())
        portal.call(deploy.apply_template(client, released.template))
        return module

    call()
    return call


def _release(folder: Path, version: str, colour: str) -> Module:
    shutil.copytree(LAMP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in (
        ("module.yaml", "version: 1.0.0", f"version: {version}"),
        ("chart/values.yaml", "colour: white", f"colour: {colour}\nmade: {folder.parent.name}"),
    ):
        path = folder / name
        path.write_text(path.read_text().replace(old, new))
    return Module.load(folder / "module.yaml")
