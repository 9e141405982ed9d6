"""What the built-in module-manager does with layers, settings and states, without a cluster."""

import io
import tarfile
from pathlib import Path

import pytest
from lamp import write_lamp
from registry import running_registry

from kubeloop.client import Client
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kyma.errors import BlobNotFoundError, RegistryDownError
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.installation import Settings
from kyma_harness.managers.module_manager.charts import Install, Renderer, definitions_of
from kyma_harness.managers.module_manager.installer import Installer, PrepareError
from kyma_harness.managers.module_manager.layers import LayerError, Layers
from kyma_harness.managers.module_manager.status import State, status_of
from kyma_harness.oci.bundle import RAW_TYPE, Blob, Bundle, gzip, pack
from kyma_harness.oci.registry import Location, connect, push
from kyma_harness.toolchain.toolchain import ToolPaths

NAME = "component-descriptors/example.com/module/lamp"


def source_of(address: str, digest: str) -> dict[str, str]:
    repo = f"{address}/unsigned/component-descriptors"
    return {"type": "oci-ref", "repo": repo, "name": "example.com/module/lamp", "ref": digest}


async def pushed(address: str, content: bytes) -> str:
    blob = Blob(media_type=RAW_TYPE, content=content)
    async with connect(Location.parse(f"{address}/unsigned")) as registry:
        await registry.push_blob(NAME, blob)
    return blob.digest


def an_install(chart: Path) -> Install:
    return Install(name="lamp", chart=chart, settings=Settings(client_config={}, overrides="", values={}))


def archive_of(member: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(member)
    return gzip(buffer.getvalue())


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The lamp, packed."""
    return pack(write_lamp(tmp_path / "lamp"))


async def test_a_chart_is_unpacked_and_not_asked_for_again(tools: ToolPaths, tmp_path: Path, bundle: Bundle):
    layers = Layers(tmp_path / "layers")
    async with running_registry(tools, tmp_path) as address:
        await push(bundle, f"{address}/unsigned")
        source = source_of(address, bundle.chart.digest)
        first = await layers.chart(source)

    again = await layers.chart(source)

    assert again == first
    assert (first / "templates" / "lamp.yaml").read_bytes() == (
        bundle.module.chart / "templates" / "lamp.yaml"
    ).read_bytes()


async def test_a_layer_that_is_not_there_is_an_error(tools: ToolPaths, tmp_path: Path, bundle: Bundle):
    async with running_registry(tools, tmp_path) as address:
        with pytest.raises(BlobNotFoundError, match=bundle.chart.digest):
            await Layers(tmp_path / "layers").chart(source_of(address, bundle.chart.digest))

    with pytest.raises(RegistryDownError):
        await Layers(tmp_path / "layers").chart(source_of(address, bundle.chart.digest))


@pytest.mark.parametrize("name", ["../outside.yaml", "/absolute.yaml", "a:b.yaml"])
async def test_a_layer_cannot_write_outside_of_its_folder(tools: ToolPaths, tmp_path: Path, name: str):
    async with running_registry(tools, tmp_path) as address:
        digest = await pushed(address, archive_of(tarfile.TarInfo(name)))

        with pytest.raises(LayerError, match="leads out of it"):
            await Layers(tmp_path / "layers").chart(source_of(address, digest))

    assert list((tmp_path / "layers").iterdir()) == []


async def test_a_layer_that_is_no_archive_is_named(tools: ToolPaths, tmp_path: Path):
    async with running_registry(tools, tmp_path) as address:
        digest = await pushed(address, b"not a chart")

        with pytest.raises(LayerError, match=r"is not a chart layer, a tar\.gz"):
            await Layers(tmp_path / "layers").chart(source_of(address, digest))


@pytest.mark.parametrize("content", [b"configs:\n", b"", b"configs: []\n"])
async def test_a_config_layer_may_say_nothing(tools: ToolPaths, tmp_path: Path, content: bytes):
    async with running_registry(tools, tmp_path) as address:
        source = source_of(address, await pushed(address, content))

        assert await Layers(tmp_path / "layers").config(source) == []


async def test_a_manifest_without_a_config_layer_has_no_settings(tmp_path: Path):
    nothing = {"repo": "", "name": "", "ref": "", "type": ""}

    assert await Layers(tmp_path).config(nothing) == []


def test_definitions_are_what_lies_in_crds(bundle: Bundle):
    install = an_install(bundle.module.chart)

    assert [item["metadata"]["name"] for item in definitions_of(install)] == ["lamps.example.com"]


def test_an_install_s_condition_follows_the_state_and_keeps_its_time_while_nothing_changes(tmp_path: Path):
    manifest = {"metadata": {"generation": 4}}
    install = an_install(tmp_path)
    first = status_of(manifest, State.PROCESSING, installs=[install])
    first["conditions"][0]["lastTransitionTime"] = "2022-12-05T19:53:13Z"

    again = status_of({**manifest, "status": first}, State.PROCESSING, installs=[install])
    ready = status_of({**manifest, "status": first}, State.READY, installs=[install])

    assert again == first
    assert ready["observedGeneration"] == 4
    assert [(one["reason"], one["status"], one["message"]) for one in ready["conditions"]] == [
        ("Manifest", "True", "Manifest in Ready state"),
        ("lamp", "True", "installation successful"),
    ]
    assert ready["conditions"][0]["lastTransitionTime"] != "2022-12-05T19:53:13Z"


async def test_a_manifest_for_another_cluster_is_refused_with_what_to_do(
    embedded_cluster: EmbeddedCluster, tmp_path: Path
):
    manifest = {
        "metadata": {"name": "default-kyma-lamp", "namespace": "kcp-system"},
        "spec": {"remote": True},
    }
    async with Client.from_kubeconfig(embedded_cluster.kubeconfig) as client:
        installer = Installer(client, layers=Layers(tmp_path), helm=Helm("helm"), kubectl="kubectl")

        with pytest.raises(PrepareError) as refused:
            await installer.prepare(manifest)

    assert "kcp-system/default-kyma-lamp is for another cluster" in str(refused.value)
    assert "target: control-plane" in str(refused.value)


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: light}\n"


def layer(folder: Path, **files: str) -> Install:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return an_install(folder)


@pytest.fixture
def renderer(tools: ToolPaths) -> Renderer:
    """A renderer with the real programs."""
    return Renderer(helm=Helm(tools.folder / "helm"), kubectl=str(tools.folder / "kubectl"))


async def test_a_layer_that_is_a_kustomization_is_built(renderer: Renderer, tmp_path: Path):
    kustomization = "namePrefix: bright-\nresources: [light.yaml]\n"
    install = layer(tmp_path / "layer", light=CONFIG_MAP, kustomization=kustomization)

    (rendered,) = await renderer.render(install)

    assert rendered["metadata"]["name"] == "bright-light"


async def test_a_layer_that_is_a_single_file_is_taken_as_it_is(renderer: Renderer, tmp_path: Path):
    (rendered,) = await renderer.render(layer(tmp_path / "layer", light=CONFIG_MAP))

    assert rendered["metadata"]["name"] == "light"
