"""What an archive has for the nodes is known before a node is asked."""

import pytest
from image_archives import packed, saved

from kyma_harness.clusters.archive import names_in
from kyma_harness.clusters.errors import ArchiveError

NATS, REF = "docker.io/library/nats:2.15.1-alpine", "org.opencontainers.image.ref.name"


def index(*annotations):
    return {
        "schemaVersion": 2,
        "manifests": [{"digest": "sha256:1", "annotations": one} for one in annotations],
    }


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_docker_names_images_in_its_manifest(tmp_path, mode):
    archive = saved(tmp_path, "nats:2", "lamp:1", mode=mode)

    assert names_in(archive) == ["lamp:1", "nats:2"]


@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_oci_index_names_them_in_annotations(tmp_path, prefix):
    named = index({"io.containerd.image.name": NATS, REF: "2.15.1-alpine"}, {REF: "lamp:1"})

    assert names_in(packed(tmp_path / "images.tar", {f"{prefix}index.json": named})) == [NATS, "lamp:1"]


def test_one_that_is_both_is_named_once(tmp_path):
    contents = {"manifest.json": [{"RepoTags": [NATS]}], "index.json": index({REF: NATS})}

    assert names_in(packed(tmp_path / "images.tar", contents)) == [NATS]


@pytest.mark.parametrize(
    "contents",
    [
        {"other.json": {}},
        {"dir/manifest.json": [{"RepoTags": [NATS]}]},
    ],
    ids=["neither file", "not at the top"],
)
def test_a_tar_of_something_else_is_refused(tmp_path, contents):
    with pytest.raises(ArchiveError, match=r"images\.tar is no archive of images: it has no manifest\.json"):
        names_in(packed(tmp_path / "images.tar", contents))


@pytest.mark.parametrize(
    "contents",
    [
        {"manifest.json": [{"RepoTags": None}]},
        {"manifest.json": [{}]},
        {"manifest.json": {"RepoTags": ["a"]}},
        {"index.json": index({})},
        {"index.json": {"manifests": None}},
        {"index.json": []},
        {"manifest.json": ["text"]},
    ],
)
def test_images_that_no_pod_could_ask_for_are_refused(tmp_path, contents):
    with pytest.raises(ArchiveError, match=r"names none of its images.*docker save nats"):
        names_in(packed(tmp_path / "images.tar", contents))


def test_what_is_no_tar_or_cut_off_is_refused(tmp_path):
    whole = saved(tmp_path, "nats:2").read_bytes()
    texts = {"text": b"127.0.0.1 localhost", "empty": b"", "cut": whole[:700]}
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArchiveError, match=rf"{name} is no archive of images: .*docker save IMAGE"):
            names_in(tmp_path / name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ArchiveError, match="is no archive of images"):
        names_in(tmp_path)


def test_json_that_is_none_is_refused(tmp_path):
    file = saved(tmp_path, "nats:2")
    file.write_bytes(file.read_bytes().replace(b'[{"Config', b'[[[["Config'))

    with pytest.raises(ArchiveError, match="is no archive of images"):
        names_in(file)
