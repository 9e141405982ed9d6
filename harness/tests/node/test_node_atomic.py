import pytest

from kyma_harness.node.volumes.atomic import File, write_atomically


def held(volume):
    return {entry.name: entry.read_bytes() for entry in volume.iterdir() if not entry.name.startswith("..")}


def test_a_volume_holds_its_files_with_their_modes(tmp_path):
    write_atomically(tmp_path, {"a.txt": File(b"1", 0o640), "sub/b.txt": File(b"2", 0o400)})

    assert (tmp_path / "a.txt").read_bytes() == b"1"
    assert (tmp_path / "sub" / "b.txt").read_bytes() == b"2"
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "sub" / "b.txt").stat().st_mode & 0o777 == 0o400


def test_a_change_swaps_all_files_at_once(tmp_path):
    write_atomically(tmp_path, {"a": File(b"1", 0o644), "b": File(b"1", 0o644)})
    before = (tmp_path / "..data").readlink()

    changed = write_atomically(tmp_path, {"a": File(b"2", 0o644), "c": File(b"2", 0o644)})

    assert changed
    assert held(tmp_path) == {"a": b"2", "c": b"2"}
    assert (tmp_path / "..data").readlink() != before
    assert not (tmp_path / before).exists()


def test_an_open_file_keeps_what_it_had(tmp_path):
    write_atomically(tmp_path, {"a": File(b"1", 0o644)})

    with (tmp_path / "a").open("rb") as file:
        write_atomically(tmp_path, {"a": File(b"2", 0o644)})

        assert file.read() == b"1"


def test_the_same_content_changes_nothing(tmp_path):
    write_atomically(tmp_path, {"a": File(b"1", 0o644)})
    before = (tmp_path / "..data").readlink()

    changed = write_atomically(tmp_path, {"a": File(b"1", 0o644)})

    assert not changed
    assert (tmp_path / "..data").readlink() == before


def test_a_new_mode_is_a_change(tmp_path):
    write_atomically(tmp_path, {"a": File(b"1", 0o644)})

    assert write_atomically(tmp_path, {"a": File(b"1", 0o600)})


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    return folder


@pytest.mark.parametrize("place", ["..data", "a", "..data_tmp", "stray"])
def test_a_link_that_a_pod_has_put_into_the_volume_is_replaced_and_never_followed(tmp_path, outside, place):
    volume = tmp_path / "volume"
    write_atomically(volume, {"a": File(b"1", 0o644)})
    (volume / place).unlink(missing_ok=True)
    (volume / place).symlink_to(outside)

    write_atomically(volume, {"a": File(b"2", 0o644)})

    assert held(volume) == {"a": b"2"}
    assert (outside / "precious").read_text() == "mine"


def test_a_volume_that_a_pod_has_replaced_by_a_link_is_made_anew(tmp_path, outside):
    volume = tmp_path / "volume"
    volume.symlink_to(outside)

    write_atomically(volume, {"a": File(b"1", 0o644)})

    assert held(volume) == {"a": b"1"}
    assert (outside / "precious").read_text() == "mine"


@pytest.mark.parametrize("place", ["..data", "a"])
def test_a_folder_in_the_place_of_a_link_is_replaced(tmp_path, place):
    write_atomically(tmp_path, {"a": File(b"1", 0o644)})
    (tmp_path / place).unlink()
    (tmp_path / place / "deep").mkdir(parents=True)

    write_atomically(tmp_path, {"a": File(b"2", 0o644)})

    assert held(tmp_path) == {"a": b"2"}


def test_files_that_exclude_each_other_leave_the_volume_as_it_was(tmp_path):
    write_atomically(tmp_path, {"a": File(b"1", 0o644)})
    before = sorted(entry.name for entry in tmp_path.iterdir())

    with pytest.raises(OSError, match="a"):
        write_atomically(tmp_path, {"a": File(b"2", 0o644), "a/b": File(b"2", 0o644)})

    assert sorted(entry.name for entry in tmp_path.iterdir()) == before
    assert held(tmp_path) == {"a": b"1"}
