import io
import tarfile

import pytest

from kyma_harness.oci.assemble import Entry, folder, layer, link, program


def members(blob):
    with tarfile.open(fileobj=io.BytesIO(blob.content)) as archive:
        return {member.name: member for member in archive}


def test_the_same_entries_make_the_same_bytes_in_any_order(tmp_path):
    file = tmp_path / "a"
    file.write_text("a")
    entries = [program("/bin/a", file), link("/bin/b", "a"), folder("/scratch", 0o1777)]

    assert layer(entries).digest == layer(reversed(entries)).digest


def test_neither_time_nor_owner_of_a_file_is_kept(tmp_path):
    file = tmp_path / "a"
    file.write_text("a")

    (member,) = [one for one in members(layer([program("/a", file)])).values() if one.isfile()]

    assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
    assert member.mode == 0o755


def test_folders_on_the_way_are_there_before_what_is_in_them():
    found = members(layer([Entry(path="/usr/local/bin/x", content=b"x")]))

    assert list(found) == ["usr", "usr/local", "usr/local/bin", "usr/local/bin/x"]
    assert all(found[name].isdir() for name in ("usr", "usr/local", "usr/local/bin"))


def test_of_two_entries_with_one_path_the_later_counts():
    blob = layer([Entry(path="/a", content=b"old"), Entry(path="/a", content=b"new")])

    with tarfile.open(fileobj=io.BytesIO(blob.content)) as archive:
        assert archive.extractfile("a").read() == b"new"


@pytest.mark.parametrize("target", ["python3.11", "/usr/bin/env"])
def test_a_link_keeps_its_target_as_it_is(target):
    found = members(layer([link("/bin/python", target)]))

    assert found["bin/python"].issym()
    assert found["bin/python"].linkname == target
