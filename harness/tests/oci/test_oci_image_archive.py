"""An image's tag, manifest and archive, and its way into a real registry."""

import hashlib
import json
import tarfile
from dataclasses import replace

import aiohttp
import pytest

from kyma_harness.clusters.provider import RegistryAddress
from kyma_harness.host.image_names import full_name
from kyma_harness.oci.assemble import Entry, layer
from kyma_harness.oci.bundle import MANIFEST_TYPE
from kyma_harness.oci.image import Image, Process, write_archive
from kyma_harness.oci.supply import push


def an_image(content=b"content", **changes):
    return replace(
        Image(
            name="team/thing",
            version="1.2.3",
            layers=(layer([Entry(path="/file", content=content)]),),
            process=Process(entrypoint=("/file",), environment={"A": "1"}),
        ),
        **changes,
    )


def test_another_content_has_another_tag():
    assert an_image(b"one").tag != an_image(b"two").tag
    assert an_image(b"one").tag == an_image(b"one").tag
    assert an_image().tag.startswith("1.2.3-")


def test_the_configuration_says_how_a_container_starts():
    config = json.loads(an_image().config.content)

    assert config["config"] == {
        "User": "65532:65532",
        "Env": ["A=1"],
        "Entrypoint": ["/file"],
        "WorkingDir": "/",
    }
    assert config["rootfs"]["diff_ids"] == [an_image().layers[0].digest]


def test_an_archive_has_what_docker_and_containerd_look_for(tmp_path):
    image = an_image()

    write_archive(image, "nats:2.15.1-alpine", tmp_path / "image.tar")

    with tarfile.open(tmp_path / "image.tar") as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile("index.json"))
        (docker,) = json.load(archive.extractfile("manifest.json"))
        (described,) = index["manifests"]
        manifest = archive.extractfile(f"blobs/sha256/{described['digest'][7:]}").read()
    assert described["annotations"]["io.containerd.image.name"] == "docker.io/library/nats:2.15.1-alpine"
    assert docker["RepoTags"] == ["nats:2.15.1-alpine"]
    assert {docker["Config"], *docker["Layers"]} <= set(names)
    assert hashlib.sha256(manifest).hexdigest() == described["digest"][7:]


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("nats:2", "docker.io/library/nats:2"),
        ("team/thing:1", "docker.io/team/thing:1"),
        ("localhost/thing:1", "localhost/thing:1"),
        ("registry:5000/thing:1", "registry:5000/thing:1"),
        ("ghcr.io/team/thing:1", "ghcr.io/team/thing:1"),
    ],
)
def test_a_reference_is_spelled_out_as_runtimes_do(reference, full):
    assert full_name(reference) == full


async def test_a_pushed_image_is_referred_to_as_the_nodes_know_the_registry(embedded_cluster):
    image, registry = an_image(), embedded_cluster.registry

    reference = await push(image, RegistryAddress(push=registry, pull="pods:1", nodes="nodes:2"))

    assert reference == f"nodes:2/team/thing:{image.tag}"
    url = f"http://{registry}/v2/team/thing/manifests/{image.tag}"
    accepted = {"Accept": MANIFEST_TYPE}
    async with aiohttp.ClientSession() as session, session.get(url, headers=accepted) as response:
        assert response.headers["Docker-Content-Digest"] == image.manifest.digest
