"""A packed folder's bytes depend on names and contents, and on nothing else."""

import gzip as standard_gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from kyma_harness.kyma.errors import BundleError
from kyma_harness.oci.bundle import STORED_BLOCK, gzip, pack_folder

GOLDEN = "ae69c090c12321afd27c647e8bfcf72a7b45555135925b91c9b5bcfb2e49ee35"


def fill(folder: Path) -> Path:
    """Make a little chart."""
    (folder / "crds").mkdir(parents=True)
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: lamp\nversion: 0.1.0\n")
    (folder / "crds" / "lamp.yaml").write_text("kind: CustomResourceDefinition\n")
    (folder / "templates" / "lamp.yaml").write_text("kind: ConfigMap\n")
    return folder


def names(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        return archive.getnames()


def test_the_digest_is_the_same_on_every_machine(tmp_path: Path):
    folder = fill(tmp_path / "chart")

    packed = pack_folder(folder)

    assert hashlib.sha256(packed).hexdigest() == GOLDEN


def test_times_and_modes_leave_no_trace(tmp_path: Path):
    plain = fill(tmp_path / "plain")
    touched = fill(tmp_path / "touched")
    os.utime(touched / "Chart.yaml", (1, 1))
    (touched / "Chart.yaml").chmod(0o600)
    (touched / "templates").chmod(0o700)

    assert pack_folder(touched) == pack_folder(plain)


def test_directories_come_before_their_files_and_the_chart_lies_at_the_root(tmp_path: Path):
    folder = fill(tmp_path / "chart")

    assert names(pack_folder(folder)) == [
        "Chart.yaml",
        "crds",
        "crds/lamp.yaml",
        "templates",
        "templates/lamp.yaml",
    ]


def test_what_editors_and_systems_leave_behind_is_not_packed(tmp_path: Path):
    clean = fill(tmp_path / "clean")
    littered = fill(tmp_path / "littered")
    (littered / ".DS_Store").write_text("x")
    (littered / "templates" / "lamp.yaml~").write_text("x")
    (littered / "__pycache__").mkdir()
    (littered / "__pycache__" / "lamp.pyc").write_text("x")

    assert pack_folder(littered) == pack_folder(clean)


def test_the_file_that_tells_helm_what_to_ignore_is_packed(tmp_path: Path):
    folder = fill(tmp_path / "chart")
    (folder / ".helmignore").write_text("*.md\n")

    assert ".helmignore" in names(pack_folder(folder))


def test_a_link_is_refused_as_module_manager_would(tmp_path: Path):
    folder = fill(tmp_path / "chart")
    (folder / "link.yaml").symlink_to("Chart.yaml")

    with pytest.raises(BundleError, match=r"link\.yaml is neither a file nor a folder"):
        pack_folder(folder)


def test_a_name_with_a_colon_is_refused_as_module_manager_would(tmp_path: Path):
    folder = fill(tmp_path / "chart")
    (folder / "a:b.yaml").write_text("x")

    with pytest.raises(BundleError, match="refuses names with a colon"):
        pack_folder(folder)


@pytest.mark.parametrize("size", [0, 1, STORED_BLOCK - 1, STORED_BLOCK, STORED_BLOCK + 1, 3 * STORED_BLOCK])
def test_every_gzip_reader_gets_back_what_was_packed(size: int):
    data = bytes(index % 251 for index in range(size))

    assert standard_gzip.decompress(gzip(data)) == data
