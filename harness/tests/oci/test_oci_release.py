"""Nothing is pushed of a module that a check refuses."""

import dataclasses
from pathlib import Path

import pytest
from registry import running_registry

from kyma_harness.cli import example
from kyma_harness.kyma.errors import BundleError, KymaError, ModuleError
from kyma_harness.kyma.module import Module
from kyma_harness.oci.bundle import artifact, pack
from kyma_harness.oci.release import release
from kyma_harness.toolchain.toolchain import ToolPaths

LAMP = example.LAMP / "module.yaml"


def blobs(folder: Path) -> set[str]:
    """What the registry with its data in a folder holds, by digest."""
    return {f"sha256:{path.parent.name}" for path in folder.glob("data/**/blobs/sha256/*/*/data")}


def too_bright(module: Module) -> Module:
    return dataclasses.replace(module, default_cr={**module.default_cr, "spec": {"watts": 1000}})


def without_a_chart(module: Module) -> Module:
    return dataclasses.replace(module, chart=module.chart / "crds")


def for_nobody(module: Module) -> Module:
    return dataclasses.replace(module, target="nowhere")


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (too_bright, ModuleError, "spec.watts: 1000 is greater than the maximum of 100"),
        (without_a_chart, BundleError, "cannot be installed as it is:\n  .* has no Chart.yaml"),
        (for_nobody, BundleError, "spec.target: 'nowhere' is not allowed; allowed are control-plane, remote"),
    ],
)
async def test_nothing_is_pushed_of_a_module_that_a_check_refuses(
    tools: ToolPaths, tmp_path: Path, spoil, error: type[KymaError], said: str
):
    async with running_registry(tools, tmp_path) as address:
        with pytest.raises(error, match=said):
            await release(spoil(Module.load(LAMP)), f"{address}/unsigned")

    assert blobs(tmp_path) == set()


async def test_a_module_that_passes_lies_in_the_registry_whole(tools: ToolPaths, tmp_path: Path):
    module = Module.load(LAMP)
    async with running_registry(tools, tmp_path) as address:
        released = await release(module, f"{address}/unsigned")

    packed = artifact(pack(module), f"{address}/unsigned")
    assert released.judge == "the CRD's schema"
    assert blobs(tmp_path) == {packed.manifest.digest, *(blob.digest for blob in packed.blobs)}


async def test_a_dry_run_needs_no_registry():
    released = await release(Module.load(LAMP), "registry.localhost:5000/unsigned", dry_run=True)

    assert "kind: ModuleTemplate" in released.template
