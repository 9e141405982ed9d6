import tempfile
from pathlib import Path

import pytest

from kyma_harness.host.errors import UnsafeFolderError
from kyma_harness.host.paths import cache_dir, definite, private_folder, runtime_dir, state_dir, write_private


def test_places_follow_xdg() -> None:
    environ = {"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"}

    assert (cache_dir(environ), state_dir(environ)) == (Path("/c/kyma-harness"), Path("/s/kyma-harness"))


def test_a_relative_xdg_folder_counts_as_none() -> None:
    assert cache_dir({"XDG_CACHE_HOME": "c"}) == Path.home() / ".cache/kyma-harness"


def test_places_can_be_chosen() -> None:
    environ = {"KYMA_HARNESS_CACHE": "/mine", "KYMA_HARNESS_STATE": "/mine/too", "XDG_CACHE_HOME": "/c"}

    assert (cache_dir(environ), state_dir(environ)) == (Path("/mine"), Path("/mine/too"))


def test_runs_with_different_folders_for_scratch_share_their_locks(tmp_path, monkeypatch):
    usual = runtime_dir({})

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert runtime_dir({}) == usual


def test_a_session_of_its_own_has_locks_of_its_own(tmp_path: Path) -> None:
    assert runtime_dir({"XDG_RUNTIME_DIR": str(tmp_path)}) == tmp_path / "kyma-harness"


def test_a_private_folder_that_stood_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)

    private_folder(folder)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_no_private_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(UnsafeFolderError, match="is a link"):
        private_folder(tmp_path / "link")


def test_a_private_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = write_private(tmp_path / "key", "secret")

    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("named", "base", "place"),
    [
        ("file", None, "work/file"),
        ("../work/file", None, "work/file"),
        ("../work/../work/file", None, "work/file"),
        ("link/file", None, "real/inner/file"),
        ("link/../file", None, "real/file"),
        ("linked", None, "work/linked"),
        ("link/linked", None, "real/inner/linked"),
        ("..", None, ""),
        (".", None, "work"),
        ("file", "real", "real/file"),
        ("{root}/real/../work/file", "real", "work/file"),
    ],
)
def test_a_file_has_one_path_whichever_way_it_is_named(tmp_path, monkeypatch, named, base, place):
    (tmp_path / "work").mkdir()
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "work" / "link").symlink_to(tmp_path / "real" / "inner")
    (tmp_path / "work" / "linked").symlink_to("/nowhere")
    (tmp_path / "real" / "inner" / "linked").symlink_to("/nowhere")
    monkeypatch.chdir(tmp_path / "work")

    found = definite(Path(named.format(root=tmp_path)), tmp_path / base if base else None)

    assert found == (tmp_path / place).absolute()
