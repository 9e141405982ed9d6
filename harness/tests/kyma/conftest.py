"""One cluster for each pair of managers at hand, with the same tests run against both."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from lamp import LampKyma, write_lamp

from kubeloop.client import Client
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.host.blocking import Portal
from kyma_harness.host.paths import cache_dir
from kyma_harness.kyma import deploy
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.originals import prebuilt
from kyma_harness.kyma.pair import BINARIES, LifecycleManagers, builtin_pair, real_pair
from kyma_harness.toolchain.toolchain import ToolPaths


@pytest.fixture(scope="package", params=[Choice.BUILTIN, Choice.REAL])
def managers(request: pytest.FixtureRequest, portal: Portal) -> LifecycleManagers:
    """The pair under test; the real one where $KYMA_DIST has it."""
    if request.param is Choice.BUILTIN:
        return portal.call(builtin_pair("asked for"))
    dist = os.environ.get("KYMA_DIST")
    if not dist or not any(Path(dist).glob(f"{BINARIES[0]}*")):
        pytest.skip("$KYMA_DIST names no folder with the real lifecycle managers")

    async def unpacked() -> LifecycleManagers:
        return await real_pair(await prebuilt(Path(dist), cache_dir()))

    return portal.call(unpacked())


@pytest.fixture(scope="package")
def cluster_of_pair(
    managers: LifecycleManagers,
    portal: Portal,
    tools: ToolPaths,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EmbeddedCluster]:
    """A cluster in which the pair runs as pods, with the rights that module-manager needs."""
    cluster = portal.call(
        EmbeddedCluster.start(
            name=f"kyma-tests-{managers.pair}",
            state=tmp_path_factory.mktemp("pair") / "state",
            tools=tools,
            rules=managers.rules,
            placeholders=managers.placeholders,
            detached=False,
        )
    )

    async def deployed() -> None:
        async with Client.from_kubeconfig(cluster.kubeconfig) as client:
            await deploy.deploy_managers(client, managers)
            await deploy.grant_rights(client)

    try:
        portal.call(deployed())
        yield cluster
    finally:
        portal.call(cluster.stop())


@pytest.fixture
async def lamp(
    cluster_of_pair: EmbeddedCluster, managers: LifecycleManagers, tmp_path: Path
) -> AsyncIterator[LampKyma]:
    """The lamp's template and an empty Kyma in the cluster; both go with the test."""
    async with Client.from_kubeconfig(cluster_of_pair.kubeconfig) as client:
        module = write_lamp(tmp_path, salt=tmp_path.name)
        registry, quirks = cluster_of_pair.registry, managers.quirks
        kyma = LampKyma(client=client, registry=registry, module=module, quirks=quirks)
        await kyma.set_up()
        yield kyma
        await kyma.tear_down()
