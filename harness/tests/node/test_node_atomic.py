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
