"""A cluster for modules that are broken, each in one way; see ``failing.py``."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kubeloop.client import Client
from kubeloop.errors import KindAbsentError, NotFoundError
from kubeloop.kinds import CRD, DEPLOYMENT
from kubeloop.resource import Kind
from kyma_harness.cli.example import LAMP
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import KCP_NAMESPACE, MANIFEST
from kyma_harness.kyma.module import Module
from kyma_harness.pytest.cluster import Freeing
from kyma_harness.pytest.handles.api import Api
from kyma_harness.session.options import Settings, from_environment
from kyma_harness.session.setup import Testbed
from kyma_harness.wait.observer import Observer

LAMPS = Kind.parse("example.com/v1", "Lamp")
NAME = "default-kyma-lamp"
Change = tuple[str, str, str]
"""A file of the module, and what is replaced in it by what."""
MISSING = '- image: "*/missing-manager:*"\n  command: ["{module}/bin/manager"]\n'
MAY_APPLY = "- {apiGroups: [apps], resources: [deployments], verbs: [get, create, patch]}\n"


@pytest.fixture(scope="session")
def kyma_harness_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("module") / "lamp"
    a_copy(
        LAMP,
        folder,
        ("rules.yaml", "rules:\n", f"rules:\n{MISSING}"),
        ("chart/templates/rights.yaml", "rules:\n", f"rules:\n{MAY_APPLY}"),
    )
    shutil.move(folder / "manager.py", folder / "lamp_manager.py")
    shutil.copy(Path(__file__).with_name("manager.py"), folder / "manager.py")
    return from_environment(
        cluster=f"breakages-{os.getpid()}",
        provider="embedded",
        detached=False,
        kyma=Choice.BUILTIN,
        module=folder / "module.yaml",
    )


@pytest.fixture(scope="session")
def _kyma_harness_freeing() -> Freeing:
    """What is broken does not go either."""
    return Freeing(within=8, glance=2)


@pytest.fixture
def offer(testbed: Testbed, client: Client, portal: Portal, tmp_path: Path) -> Callable[..., Module]:
    """Bundle the Lamp with changes, and apply its template, which is changed as well."""

    def call(*changes: Change, template: tuple[str, str] = ("", "")) -> Module:
        a_copy(testbed.settings.module.parent, tmp_path / "lamp", *changes)
        module = Module.load(tmp_path / "lamp" / "module.yaml")
        released = portal.call(dataclasses.replace(testbed, module=module).bundle())
        portal.call(deploy.apply_template(client, released.template.replace(*template)))
        return module

    return call


@pytest.fixture(autouse=True)
def _rid_of_it(api: Api, observer: Observer) -> Iterator[None]:
    """Take away by force what a broken module leaves, so that the next test begins with nothing."""
    yield
    for kind in (LAMPS, MANIFEST):
        with suppress(NotFoundError, KindAbsentError):
            api.patch(kind, NAME, KCP_NAMESPACE, {"metadata": {"finalizers": []}})
        with suppress(NotFoundError, KindAbsentError):
            api.delete(kind, NAME, KCP_NAMESPACE)
    for kind, name, namespace in (
        (DEPLOYMENT, "lamp-manager", "lamps"),
        (DEPLOYMENT, "bulb", "lamps"),
        (CRD, "lamps.example.com", None),
    ):
        with suppress(NotFoundError):
            api.delete(kind, name, namespace)
        api.expect(kind, name, namespace).to_be_gone()


def a_copy(source: Path, target: Path, *changes: Change) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in changes:
        file = target / name
        text = file.read_text()
        assert old in text, f"{name} has no {old!r} that could be changed"
        file.write_text(text.replace(old, new, 1))
