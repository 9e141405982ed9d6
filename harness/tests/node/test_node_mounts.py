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
        # Quoted, in a shell, in JSON, in JSON within a string, in Python.
        ("cat \"/data/a\" '/data/b'", "cat \"/v/data/a\" '/v/data/b'"),
        ("cat `/data/bin/name`", "cat `/v/data/bin/name`"),
        ('["/data","/etc/conf.d"]', '["/v/data","/v/conf"]'),
        ('{\\"dir\\":\\"/data\\"}', '{\\"dir\\":\\"/v/data\\"}'),
        ("sh -c 'cat \"/data/a\"'", "sh -c 'cat \"/v/data/a\"'"),
        ("open(f'/data/{name}')", "open(f'/v/data/{name}')"),
        ('--dir="/data"', '--dir="/v/data"'),
        ("# don't\ncat '/data/a'", "# don't\ncat '/v/data/a'"),
        ("test -d /data&&cd /data;ls", "test -d /v/data&&cd /v/data;ls"),
        ("echo x >/data/a 2>/data/b", "echo x >/v/data/a 2>/v/data/b"),
        ("$(cat /data/a)", "$(cat /v/data/a)"),
        ("curl -d @/data/a unix:///data/s.sock", "curl -d @/v/data/a unix:///v/data/s.sock"),
        ("ls /data/*.js", "ls /v/data/*.js"),
        # Two dots lead to where they would in the container.
        ("/data/a/../b", "/v/data/b"),
        ("/data/js/../a", "/v/data/a"),
        ("/data/../etc/conf.d/x", "/v/conf/x"),
        ("/data/a..b", "/v/data/a..b"),
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
        # The end of another path.
        'cat "$DIR"/data/x',
        'cat $DIR"/data/x"',
        "cat ${DIR}/data/x",
        'cat "${DIR}"/data/x',
        "cat '$DIR'/data/x",
        "cat $(pwd)/data/x",
        'cat "$(pwd)"/data/x',
        "cat `pwd`/data/x",
        "find . -path '*/data' -o -path '?/data'",
        "ls [a-z]/data {a,b}/data",
        "ls \"$A\"'/data'",
        "sed s,\\/data,x,",
        "http://[::1]/data",
        "a+/data",
        # Out of every mount.
        "/data/../x",
        "--dir=/data/../../etc/passwd",
        "/data/js/../../x",
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
