from pathlib import Path

import pytest

from kyma_harness.node.volumes.mounts import Mounts, mount_path

MOUNTS = Mounts({"/data": Path("/v/data"), "/data/js": Path("/v/js"), "/etc/conf.d": Path("/v/conf")})


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/data", "/v/data"),
        ("--dir=/data/store", "--dir=/v/data/store"),
        ("/data/js/meta", "/v/js/meta"),
        ("/data:/etc/conf.d", "/v/data:/v/conf"),
        ('{"dir":"/data"}', '{"dir":"/v/data"}'),
        ("file:///data/x", "file:///v/data/x"),
        ("cat /data/a /data/b", "cat /v/data/a /v/data/b"),
        ("it is in /data.", "it is in /v/data."),
    ],
)
def test_a_mount_path_becomes_its_directory_the_longest_first(text, rewritten):
    assert MOUNTS.rewrite(text) == rewritten


@pytest.mark.parametrize(
    "text",
    [
        "/database",
        "/srv/data",
        "{tools}/data",
        "http://host/data",
        "/data.old",
        "/data-2/x",
        "~/data",
        "./data",
        "/etc/conf",
    ],
)
def test_what_only_looks_like_a_mount_path_is_kept(text):
    assert MOUNTS.rewrite(text) == text


def test_a_directory_that_contains_a_mount_path_is_not_rewritten_again():
    mounts = Mounts({"/data": Path("/state/data"), "/state": Path("/elsewhere")})

    assert mounts.rewrite("/data/x") == "/state/data/x"


def test_the_host_path_follows_the_deepest_mount():
    assert MOUNTS.host_path("/data/js/a") == Path("/v/js/a")
    assert MOUNTS.host_path("/data/a") == Path("/v/data/a")
    assert MOUNTS.host_path("/tmp") is None  # noqa: S108


def test_without_mounts_nothing_is_rewritten():
    assert Mounts({}).rewrite("/data") == "/data"


@pytest.mark.parametrize(
    ("given", "normal"), [("/a/", "/a"), ("a", "/a"), ("/a//b", "/a/b"), ("/../../a", "/a")]
)
def test_a_mount_path_is_normalized(given, normal):
    assert mount_path(given) == normal
