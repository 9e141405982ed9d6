"""What a pod may have left in a folder leads nowhere else, and keeps nobody from removing it."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from kyma_harness.host.process import run
from kyma_harness.node.errors import NodeError, VolumeError
from kyma_harness.node.folders import (
    first_bytes,
    linked,
    new_file,
    new_folder,
    open_up,
    place_within,
    plain_path,
    remove,
)

NOBODY = 65534


@pytest.fixture
def outside(tmp_path):
    """A folder that nothing may reach, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


@pytest.fixture
def volume(tmp_path):
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("path", ["/etc", "..", "../outside", "a/../../outside", "a/.."])
def test_a_path_that_leads_out_of_its_volume_is_refused(volume, outside, path):
    with pytest.raises(VolumeError):
        place_within(volume, path)


@pytest.mark.parametrize("target", ["{outside}", "../outside", "{outside}/precious"])
@pytest.mark.parametrize("path", ["link", "link/deeper"])
def test_a_link_that_leads_out_of_its_volume_is_refused(volume, outside, target, path):
    (volume / "link").symlink_to(target.format(outside=outside))

    with pytest.raises(VolumeError, match="leads out of its volume, by a link"):
        place_within(volume, path)


def test_links_in_a_circle_are_refused(volume):
    (volume / "a").symlink_to("b")
    (volume / "b").symlink_to("a")

    with pytest.raises(VolumeError):
        place_within(volume, "a/x")


@pytest.mark.parametrize("path", ["", "a", "a/b..c", "..a", "inside/x"])
def test_what_stays_in_the_volume_is_found(volume, path):
    (volume / "real").mkdir()
    (volume / "inside").symlink_to("real")

    assert place_within(volume, path) == (volume / path.replace("inside", "real"))


def test_a_file_of_ours_takes_the_place_of_a_link_and_leaves_its_target_alone(volume, outside):
    (volume / "file").symlink_to(outside / "precious")

    new_file(volume / "file", b"ours")

    assert (outside / "precious").read_text() == "mine"
    assert (volume / "file").read_text() == "ours"
    assert (volume / "file").stat().st_mode & 0o777 == 0o600


def test_a_folder_of_ours_takes_the_place_of_a_link_and_leaves_its_target_alone(volume, outside):
    (volume / "folder").symlink_to(outside)

    assert list(new_folder(volume / "folder").iterdir()) == []

    assert (outside / "precious").exists()


def test_only_a_regular_file_is_read_and_only_its_beginning(volume, outside):
    os.mkfifo(volume / "fifo")
    (volume / "link").symlink_to(outside / "precious")
    (volume / "file").write_text("0123456789")

    assert first_bytes(volume / "fifo", 4) == b""
    assert first_bytes(volume / "link", 4) == b""
    assert first_bytes(volume / "none", 4) == b""
    assert first_bytes(volume, 4) == b""
    assert first_bytes(volume / "file", 4) == b"0123"


def test_removing_follows_no_link(volume, outside):
    (volume / "link").symlink_to(outside)
    (volume / "folder").mkdir()
    (volume / "folder" / "link").symlink_to(outside)

    open_up(volume)
    remove(volume / "link")
    remove(volume)

    assert (outside / "precious").exists()
    assert not volume.exists()


@pytest.mark.parametrize("name", ["state", "kyma-harness/clusters/kyma.1", "münchen", "a@b+c"])
def test_a_folder_that_a_script_may_hold_unquoted_is_used_as_it_is(name):
    assert plain_path(Path("/state") / name) == Path("/state") / name


@pytest.mark.parametrize("name", ["My Job", "a'b", "$(id)", "a;b", "100%", "{x}", "a,b=c:d"])
def test_any_other_folder_is_reached_by_a_link(tmp_path, monkeypatch, name):
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    folder = tmp_path / name
    folder.mkdir()

    place = plain_path(folder)
    with linked(place, folder):
        (place / "file").touch()

    assert (folder / "file").exists()
    assert place.is_relative_to(tmp_path / "run")
    assert not place.is_symlink()


def test_where_no_path_can_stand_in_a_script_that_is_said(tmp_path, monkeypatch):
    (tmp_path / "my run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "my run"))

    with pytest.raises(NodeError, match="set KYMA_HARNESS_STATE or XDG_RUNTIME_DIR"):
        plain_path(tmp_path / "My Job")


REMOVE = """
import os, sys
from pathlib import Path
from kyma_harness.node import folders
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
top = Path(sys.argv[1])
deep = top / "pkg" / "mod" / "cache"
deep.mkdir(parents=True)
(deep / "file").write_text("read-only, as Go leaves its module cache")
(deep / "file").chmod(0o400)
for folder, mode in ((deep, 0o500), (deep.parent, 0o000), (top / "pkg", 0o500)):
    folder.chmod(mode)
try:
    import shutil
    shutil.rmtree(top)
except OSError:
    pass
else:
    sys.exit("it was no obstacle at all")
folders.remove(top)
"""


@pytest.fixture
def of_nobody():
    """A folder that somebody without rights can reach and write to."""
    with tempfile.TemporaryDirectory() as base:
        place = Path(base) / "of-nobody"
        place.mkdir()
        Path(base).chmod(0o755)
        if os.getuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        yield place


async def test_what_a_pod_left_read_only_is_removed_by_whoever_runs_the_node(of_nobody):
    await run([sys.executable, "-c", REMOVE, of_nobody / "pod", str(NOBODY)], timeout=60)

    assert list(of_nobody.iterdir()) == []
