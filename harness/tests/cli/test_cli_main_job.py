"""The Kyma CLI of December 2022 deploys the same as we do, and its deployment takes the module.

On an embedded cluster, or on the provider that the environment names: KYMA_HARNESS_PROVIDER=existing.
"""

import lzma
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from namespaces import until_namespaces_are_complete
from rich.console import Console

from kubeloop.client import Client
from kubeloop.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, CRD, DEPLOYMENT, NAMESPACE, SERVICE_ACCOUNT
from kubeloop.resource import Kind, Object, ObjectKey
from kyma_harness.cli.steps import write_kustomization
from kyma_harness.clusters.embedded import EmbeddedProvider
from kyma_harness.clusters.provider import AUTO
from kyma_harness.host.errors import CommandError
from kyma_harness.host.paths import cache_dir
from kyma_harness.host.process import run
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA, MODULE_TEMPLATE, parse_objects
from kyma_harness.kyma.makings import Made
from kyma_harness.kyma.pair import BINARIES, LifecycleManagers
from kyma_harness.session import lifetime, stages
from kyma_harness.session.options import answers, from_environment
from kyma_harness.session.record import Record
from kyma_harness.session.setup import Testbed, set_up
from kyma_harness.toolchain.catalogue import catalogue
from kyma_harness.toolchain.toolchain import ConsoleProgress, Toolchain, ToolError
from kyma_harness.toolchain.tools import explicit_tools
from kyma_harness.wait.live_wait import NoLine

KINDS = (
    NAMESPACE,
    CRD,
    SERVICE_ACCOUNT,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    DEPLOYMENT,
    MODULE_TEMPLATE,
    KYMA,
)
CLI_SECONDS = 300.0


@pytest.fixture(scope="session")
def kyma_cli(tmp_path_factory) -> Path:
    """The real CLI of $KYMA_DIST."""
    dist = os.environ.get("KYMA_DIST")
    packed = Path(dist) / "kyma.xz" if dist else None
    if packed is None or not packed.is_file():
        pytest.skip("$KYMA_DIST has no kyma.xz: the real Kyma CLI is not at hand")
    program = tmp_path_factory.mktemp("kyma-cli") / "kyma"
    with lzma.open(packed) as source, program.open("wb") as target:
        shutil.copyfileobj(source, target)
    program.chmod(0o755)
    return program


@pytest.fixture(scope="session")
def kustomize(portal) -> Path:
    """The folder of the kustomize that the CLI looks for on PATH; a test never builds it."""
    progress = ConsoleProgress(Console(quiet=True))
    toolchain = Toolchain(cache=cache_dir(), ways=(), progress=progress, explicit=explicit_tools(os.environ))
    try:
        found = portal.call(toolchain.ensure([tool for tool in catalogue() if tool.name == "kustomize"]))
    except ToolError:
        pytest.skip("there is no kustomize: `kyma-harness tools --also kustomize` brings it")
    return found.folder


@asynccontextmanager
async def a_testbed(folder: Path) -> AsyncIterator[tuple[Testbed, Client]]:
    """Run a cluster that has the module's bundle in its registry, and nothing of Kyma."""
    asked = answers({})
    if asked["provider"] == AUTO:
        asked["provider"] = EmbeddedProvider.name
    settings = from_environment(**asked, cluster=folder.name, kyma=Choice.REAL, state=folder, detached=False)
    testbed = await set_up(settings, Console(quiet=True))
    try:
        await lifetime.start(testbed, lambda _: None)
        await testbed.bundle()
        async with testbed.client() as client:
            yield testbed, client
    finally:
        if not testbed.provider.disposable:
            await _take_for_ours(testbed)
        await testbed.stop()


async def _take_for_ours(testbed: Testbed) -> None:
    """Have removed with the rest what the CLI has made: from a cluster that stays, we remove only our own."""
    async with testbed.client() as client:
        found = [item for kind in KINDS for item in (await client.list(kind)).items]
    named = {_identity(item) for item in (*testbed.managers.objects, *testbed.template())}
    record = Record.read(testbed.settings)
    assert record is not None
    made = [Made.of(item) for item in found if _identity(item) in named or Kind.of(item) == KYMA]
    record.with_objects(made).write(testbed.settings)


async def deploy_by_cli(kyma_cli: Path, kustomize: Path, testbed: Testbed, folder: Path) -> str:
    """Run ``kyma alpha deploy`` as the original README does, and return what it says."""
    managers = [folder / name for name in BINARIES]
    deployable = await testbed.deployable_managers()
    for location in managers:
        write_kustomization(location, _of(location.name, deployable))
    given = [argument for location in managers for argument in ("--kustomization", str(location))]
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = await run(
        [kyma_cli, "alpha", "deploy", "--ci", "--template", testbed.template_file, *given],
        timeout=CLI_SECONDS,
        env={
            "PATH": f"{kustomize}:{os.environ['PATH']}",
            "HOME": str(home),
            "KUBECONFIG": str(testbed.provider.kubeconfig),
        },
    )
    return done.stdout


def _of(manager: str, managers: LifecycleManagers) -> list[Object]:
    """Return the objects of one of the two managers: those that its own manifest names."""
    text = (Path(managers.placeholders["kyma"]) / f"{manager}.yaml").read_text()
    named = {_identity(item) for item in parse_objects(text, manager)}
    return [item for item in managers.objects if _identity(item) in named]


def _identity(item: Object) -> tuple[Kind, ObjectKey]:
    return Kind.of(item), ObjectKey.of(item)


async def stock(client: Client) -> dict[str, Object]:
    """Return what a deployment consists of, by kind and name, without what the server adds."""
    found = {}
    for kind in KINDS:
        for item in (await client.list(kind)).items:
            metadata = item["metadata"]
            name = f"{kind.kind} {metadata.get('namespace', '')}/{metadata['name']}"
            found[name] = _decided(item)
    return found


def _decided(item: Object) -> Object:
    metadata = item["metadata"]
    annotations = {
        key: value
        for key, value in metadata.get("annotations", {}).items()
        if not key.startswith("deployment.kubernetes.io/")
    }
    body = {key: value for key, value in item.items() if key not in {"metadata", "status", "secrets"}}
    if item["kind"] == KYMA.kind and not item["spec"].get("modules"):
        # Both apply an empty list; lifecycle-manager's first update drops it, sooner or later.
        body["spec"] = {key: value for key, value in item["spec"].items() if key != "modules"}
    return {**body, "labels": metadata.get("labels", {}), "annotations": annotations}


@pytest.mark.timeout(900)
async def test_it_deploys_what_we_deploy_and_the_module_turns_ready(kyma_cli, kustomize, tmp_path):
    async with a_testbed(tmp_path / "by-cli") as (testbed, client):
        said = await deploy_by_cli(kyma_cli, kustomize, testbed, tmp_path)
        await until_namespaces_are_complete(client)
        by_cli = _without_registry(await stock(client), testbed)

        assert "Kyma deployed successfully!" in said
        await deploy.grant_rights(client)
        await stages.enable(testbed, client, NoLine())
        checks = await stages.check(testbed, client)
        assert all(one.ok for one in checks)

    async with a_testbed(tmp_path / "by-us") as (testbed, client):
        await testbed.deploy_managers(client)
        await testbed.deploy_kyma(client)
        await until_namespaces_are_complete(client)
        by_us = _without_registry(await stock(client), testbed)

    assert by_cli == by_us
    assert f"Kyma {KCP_NAMESPACE}/{DEFAULT_KYMA}" in by_us


@pytest.mark.timeout(900)
async def test_what_we_deployed_can_be_deployed_again_by_the_cli(kyma_cli, kustomize, tmp_path):
    """Both apply as the field manager "kyma"; the role that was given all rights has to go before."""
    async with a_testbed(tmp_path / "both") as (testbed, client):
        await testbed.deploy_managers(client)
        await testbed.deploy_kyma(client)

        said = await deploy_by_cli(kyma_cli, kustomize, testbed, tmp_path)

        await deploy.grant_rights(client)
        with pytest.raises(CommandError, match='conflict with "kyma-harness" using rbac'):
            await deploy_by_cli(kyma_cli, kustomize, testbed, tmp_path)
        await client.delete(CLUSTER_ROLE, deploy.MANAGER_ROLE)
        again = await deploy_by_cli(kyma_cli, kustomize, testbed, tmp_path)

    assert "Kyma deployed successfully!" in said
    assert "Kyma deployed successfully!" in again


def _without_registry(found: dict[str, Object], testbed: Testbed) -> dict[str, Object]:
    """Leave out where the bundle lies: every cluster has its own registry."""
    text = testbed.provider.registry.pull
    for name, item in found.items():
        if name.startswith("ModuleTemplate "):
            (context,) = item["spec"]["descriptor"]["component"]["repositoryContexts"]
            context["baseUrl"] = context["baseUrl"].replace(text, "REGISTRY")
    return found
