"""The first line of a failure says why."""

import pytest

from kyma_harness.embedded.errors import ComponentFailedError

WORDS = "no space left on device"
PANIC = f'{{"level":"panic","msg":"no WAL","error":"{WORDS}"}}\ngoroutine 1 [running]:'
WHAT_TO_DO = ": make room there, or name another folder with KYMA_HARNESS_STATE. "


@pytest.mark.parametrize(
    ("said", "room", "first"),
    [
        ("panic: it is broken\ngoroutine 1", 10**9, "etcd ended with 2: it is broken. Its last lines:"),
        ("starting", 10**9, "etcd ended with 2. Its last lines:"),
        ("", None, "etcd ended with 2. It wrote nothing."),
    ],
)
def test_what_it_said_in_the_end_comes_first(said, room, first):
    assert str(ComponentFailedError("etcd", "ended with 2", said, room=room)).splitlines()[0] == first


@pytest.mark.parametrize(
    ("said", "room", "first"),
    [
        (PANIC, 10**9, f"etcd ended with 2: no WAL: {WORDS}"),
        (PANIC, 0, f"etcd ended with 2: no WAL: {WORDS}"),
        ("panic: short wri", 0, f"etcd ended with 2: short wri, with {WORDS}"),
        ("", 4096, f"etcd ended with 2: {WORDS}"),
    ],
    ids=["it says so", "it says so, and it is", "what it said is cut off", "it could not even say so"],
)
def test_a_disk_that_is_full_is_named_with_what_to_do(tmp_path, monkeypatch, said, room, first):
    monkeypatch.setenv("KYMA_HARNESS_STATE", str(tmp_path))
    log = tmp_path / "clusters" / "kyma" / "logs" / "etcd.log"

    told = str(ComponentFailedError("etcd", "ended with 2", said, log=log, room=room)).splitlines()[0]

    assert told.startswith(first + WHAT_TO_DO)
