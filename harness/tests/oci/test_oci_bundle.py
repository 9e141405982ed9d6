"""A bundle is what the contract says an OCI registry holds of a module."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from lamp import write_lamp

from kyma_harness.kyma.errors import BundleError
from kyma_harness.oci.bundle import artifact, descriptor, pack

CHART = "sha256:d05dea30980c4ffb7e8affe0f1770cd917f5c1f7cf7d846c8112d2b7fb212fd7"
CONFIG = "sha256:2f40784f44c5e2ca51ed333c968d62c52595597d253eb44c4fecb834ee058d33"


def test_the_layers_have_the_same_digests_on_every_machine(tmp_path: Path):
    bundle = pack(write_lamp(tmp_path))

    assert (bundle.chart.digest, bundle.config.digest) == (CHART, CONFIG)


def test_the_descriptor_names_the_registry_and_the_layers_by_digest(tmp_path: Path):
    bundle = pack(write_lamp(tmp_path))

    component = descriptor(bundle, "registry.localhost:5000/unsigned")["component"]

    assert component["repositoryContexts"] == [
        {
            "baseUrl": "registry.localhost:5000/unsigned",
            "componentNameMapping": "urlPath",
            "type": "ociRegistry",
        }
    ]
    assert [(item["name"], item["type"], item["access"]["digest"]) for item in component["resources"]] == [
        ("lamp", "helm-chart", bundle.chart.digest),
        ("config", "yaml", bundle.config.digest),
    ]


def test_the_artifact_holds_the_descriptor_first_and_then_the_layers(tmp_path: Path):
    bundle = pack(write_lamp(tmp_path))

    packed = artifact(bundle, "registry.localhost:5000/unsigned")

    manifest = json.loads(packed.manifest.content)
    assert packed.repository == "component-descriptors/example.com/module/lamp"
    assert packed.tag == "1.2.3"
    assert [layer["mediaType"] for layer in manifest["layers"]] == [
        "application/vnd.gardener.cloud.cnudie.component-descriptor.v2+yaml+tar",
        "application/gzip",
        "application/octet-stream",
    ]
    described = next(blob for blob in packed.blobs if blob.digest == manifest["layers"][0]["digest"])
    with tarfile.open(fileobj=io.BytesIO(described.content)) as archive:
        content = archive.extractfile("component-descriptor.yaml")
        assert content is not None
        assert json.load(content) == descriptor(bundle, "registry.localhost:5000/unsigned")


def test_every_blob_of_the_manifest_is_in_the_artifact(tmp_path: Path):
    packed = artifact(pack(write_lamp(tmp_path)), "registry.localhost:5000/unsigned")

    manifest = json.loads(packed.manifest.content)
    named = {reference["digest"] for reference in (manifest["config"], *manifest["layers"])}

    assert {f"sha256:{hashlib.sha256(blob.content).hexdigest()}" for blob in packed.blobs} == named


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("Chart.yaml", None, "has no Chart.yaml"),
        ("Chart.yaml", "name: lamp\n", "lacks a name or a version"),
        ("Chart.yaml", "name: [\n", "is not YAML"),
        ("crds/lamp.yaml", None, "has no CRD in crds/"),
    ],
)
def test_a_chart_that_module_manager_cannot_handle_is_refused(
    tmp_path: Path, file: str, content: str | None, sentence: str
):
    module = write_lamp(tmp_path)
    path = module.chart / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content)

    with pytest.raises(BundleError, match=sentence):
        pack(module)
