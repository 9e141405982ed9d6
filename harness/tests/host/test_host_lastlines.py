"""Of what a program wrote before it ended, the part is shown that says why."""

import pytest

from kyma_harness.host.lastlines import reason_in, telling

STACK = "".join(f"\tgoroutine {number}\n" for number in range(40))
STARTING = "".join(f"starting {number}\n" for number in range(40))
ETCD = (
    '{"level":"info","msg":"opening"}\n'
    '{"level":"panic","msg":"failed to write","error":"write /x/wal: no space left on device"}\n'
    "panic: failed to write\n"
)


@pytest.mark.parametrize(
    ("written", "first"),
    [
        (STARTING + "panic: no space left on device\n" + STACK, "panic: no space left on device"),
        (STARTING + "fatal error: out of memory\n" + STACK, "fatal error: out of memory"),
        (STARTING + ETCD + STACK, '{"level":"panic","msg":"failed to write"'),
        (STARTING + '{"level":"fatal","msg":"no"}\n' + STACK, '{"level":"fatal","msg":"no"}'),
        (STARTING + "F1129 10:00:00.1 1 server.go:1] cannot listen\n" + STACK, "F1129 10:00:00.1"),
        (STARTING, "starting 20"),
        ("panic: an old one\n" + STARTING * 20, "starting 20"),
    ],
    ids=["panic", "fatal error", "etcd", "fatal level", "klog", "nothing tells", "too long ago"],
)
def test_what_is_shown_begins_with_the_line_that_tells(tmp_path, written, first):
    (tmp_path / "log").write_text(written)

    shown = telling(tmp_path / "log").splitlines()

    assert shown[0].startswith(first)
    assert len(shown) <= 20


def test_of_no_file_nothing_is_shown(tmp_path):
    assert telling(tmp_path / "nothing") == ""


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (ETCD.partition("\n")[2], "failed to write: write /x/wal: no space left on device"),
        ('{"level":"fatal","msg":"no"}\n', "no"),
        ("panic: failed to create WAL\n\ngoroutine 1", "failed to create WAL"),
        ("fatal error: out of memory", "out of memory"),
        ("F1129 10:00:00.1 1 server.go:1] cannot listen\nmore", "cannot listen"),
        ('{"level":"fatal","msg":', '{"level":"fatal","msg":'),
        (STARTING, ""),
        ("", ""),
    ],
)
def test_the_reason_is_what_that_line_says(told, reason):
    assert reason_in(told) == reason
