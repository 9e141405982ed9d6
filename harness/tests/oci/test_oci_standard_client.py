"""A client of OCI registries that knows nothing of Kyma pulls what we have pushed."""

import asyncio
import hashlib
import json
import tarfile
from pathlib import Path

from oras.provider import Registry
from registry import running_registry

from kyma_harness.cli import example
from kyma_harness.kyma.module import Module
from kyma_harness.oci.bundle import MANIFEST_TYPE, descriptor, pack
from kyma_harness.oci.registry import push
from kyma_harness.toolchain.toolchain import ToolPaths

LAMP = example.LAMP / "module.yaml"


def files_in(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


async def test_oras_pulls_a_bundle_whole(tools: ToolPaths, tmp_path: Path):
    module, pulled = Module.load(LAMP), tmp_path / "pulled"
    bundle = pack(module)
    async with running_registry(tools, tmp_path) as address:
        await push(bundle, f"{address}/unsigned")
        oras = Registry(hostname=address, insecure=True)
        target = f"{address}/unsigned/{bundle.repository}:{module.version}"

        tags = await asyncio.to_thread(oras.get_tags, target)
        manifest = await asyncio.to_thread(oras.get_manifest, target)
        files = await asyncio.to_thread(oras.pull, target, outdir=str(pulled))

    described, chart, config = map(Path, files)
    assert tags == [module.version]
    assert manifest["mediaType"] == MANIFEST_TYPE
    assert [layer["digest"] for layer in manifest["layers"]] == [
        f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in (described, chart, config)
    ]
    with tarfile.open(described) as archive:
        archive.extractall(tmp_path / "descriptor", filter="data")
    with tarfile.open(chart, "r:gz") as archive:
        archive.extractall(tmp_path / "chart", filter="data")
    (text,) = files_in(tmp_path / "descriptor").values()
    assert json.loads(text) == descriptor(bundle, f"{address}/unsigned")
    assert files_in(tmp_path / "chart") == files_in(module.chart)
    assert config.read_bytes() == module.config.read_bytes()
