"""What is said of a log is said of all of it, or says what of it is missing; its end is never missing."""

import json
from datetime import UTC, datetime

import pytest
from stored import StoredCluster, an_object

from kubeloop.errors import NotFoundError, UnreachableError
from kubeloop.resource import ObjectKey
from kyma_harness.host.blocking import Portal
from kyma_harness.kube import logs
from kyma_harness.kube.logrecords import read_records
from kyma_harness.kube.logs import gaps_of, logs_of
from kyma_harness.pytest.handles.log import Log

SINCE = datetime(2022, 12, 1, 10, 0, tzinfo=UTC)
EARLIER, LATER = "2022-12-01T09:00:00Z", "2022-12-01T11:00:00Z"
MANAGER = ObjectKey("shop", "manager")
BIG = 3_000_000
"""Bytes; more than evidence keeps of a container."""


def line(message, second=1, **fields):
    return f"2022-12-01T10:00:{second:02}.000000Z " + json.dumps({"msg": message, **fields}) + "\n"


def flood(size=BIG):
    return line("x" * 1000) * (size // 1000)


def a_pod(**status):
    running = {"name": "manager", "containerID": "process://1", "restartCount": 0, **status}
    pod = an_object("Pod", "manager-1", "shop", status={"containerStatuses": [running]})
    pod["metadata"]["labels"] = {"app": "manager"}
    return pod


def restarted(times, *, started=LATER, finished=LATER):
    last = {"terminated": {"startedAt": started, "finishedAt": finished, "exitCode": 1}}
    return a_pod(restartCount=times, lastState=last)


@pytest.fixture
def cluster():
    selector = {"selector": {"matchLabels": {"app": "manager"}}}
    deployment = an_object("Deployment", "manager", "shop", api_version="apps/v1", spec=selector)
    return StoredCluster(deployment, a_pod())


@pytest.fixture
def log(cluster):
    with Portal() as portal:
        yield Log(portal=portal, client=cluster, deployment=MANAGER, since=SINCE.timestamp())


def write(cluster, text, *, previous=False):
    cluster.logs["manager-1", "manager", previous] = text if isinstance(text, Exception) else text.encode()


def test_a_line_behind_megabytes_of_others_is_forbidden(cluster, log):
    write(cluster, flood() + line("it broke", level="error"))

    with pytest.raises(AssertionError, match=r"1 line\(s\) with level='error' .*it broke"):
        log.forbid(level="error")


def test_a_line_behind_megabytes_of_others_is_found(cluster, log):
    write(cluster, flood() + line("at last"))

    assert log.expect(msg="at last", within=5).fields["msg"] == "at last"


def test_a_line_whose_bytes_come_in_pieces_is_one_line(cluster, log):
    cluster.chunk = 7
    write(cluster, line("one") + line("zwölf"))

    assert [one.fields["msg"] for one in log.records()] == ["one", "zwölf"]


def test_a_last_line_without_its_end_counts(cluster, log):
    write(cluster, line("one") + line("two").rstrip("\n"))

    assert [one.fields["msg"] for one in log.records()] == ["one", "two"]


def test_what_was_logged_before_the_test_is_not_the_test_s(cluster, log):
    before = line("old", level="error").replace("10:00", "09:59")
    write(cluster, before + line("new"))
    cluster.put(restarted(1))
    write(cluster, before, previous=True)

    log.forbid(level="error")


@pytest.mark.parametrize(
    ("pod", "previous", "missing"),
    [
        (restarted(3), line("x"), "restarted 3 times, and of what it wrote before 2022-12-01T11:00:00Z"),
        (restarted(1), NotFoundError(404, "NotFound", "no such log", method="GET", path="/"), "no such log"),
    ],
)
def test_where_a_part_of_the_log_is_lost_nothing_is_said_to_be_absent(cluster, log, pod, previous, missing):
    cluster.put(pod)
    write(cluster, line("fine"))
    write(cluster, previous, previous=True)

    with pytest.raises(AssertionError, match=rf"cannot be told .* level='error'(.|\n)*{missing}"):
        log.forbid(level="error")


def test_where_a_log_cannot_be_read_that_is_said_of_what_did_not_come(cluster, log):
    write(cluster, UnreachableError("https://stored", "it went away"))

    with pytest.raises(AssertionError, match=r"did not come within 0.2 s(.|\n)*it went away"):
        log.expect(msg="at last", within=0.2)
    with pytest.raises(AssertionError, match=r"cannot be told(.|\n)*it went away"):
        log.forbid(level="error")


def test_what_was_lost_before_the_test_began_does_not_matter(cluster, log):
    cluster.put(restarted(5, started=EARLIER, finished=EARLIER))
    write(cluster, line("fine"))
    write(cluster, UnreachableError("https://stored", "gone"), previous=True)

    log.forbid(level="error")


@pytest.mark.parametrize(
    ("pod", "count"),
    [
        (a_pod(), 0),
        (restarted(1), 0),
        (restarted(2), 1),
        (restarted(2, started=EARLIER), 0),
        (restarted(7, started=EARLIER, finished=EARLIER), 0),
        (a_pod(restartCount=2, lastState={}), 1),
        (an_object("Pod", "new", "shop"), 0),
    ],
)
def test_only_the_last_two_starts_of_a_container_have_a_log(pod, count):
    assert len(gaps_of(pod, SINCE)) == count


async def test_evidence_keeps_the_end_and_says_that_it_was_cut(cluster):
    write(cluster, line("the beginning") + flood() + line("the failure"))

    (kept,) = await logs_of(cluster, [a_pod()], since=SINCE)

    first, *_, last = kept.text.splitlines()
    assert first.startswith("(cut: the last 2 MB are kept, ")
    assert "the failure" in last
    assert "the beginning" not in kept.text
    assert len(kept.text) <= logs.LIMIT_BYTES + 200
    assert all(one.startswith("2022-12-01T10") for one in kept.text.splitlines()[1:])


async def test_evidence_of_very_many_lines_keeps_the_last(cluster):
    short = "2022-12-01T10:00:00Z x\n"
    write(cluster, short * (logs.TAIL_LINES + 5) + line("the failure"))

    (kept,) = await logs_of(cluster, [a_pod()], since=SINCE)

    assert kept.text.splitlines()[0] == f"(cut: the last {logs.TAIL_LINES} lines are kept)"
    assert "the failure" in kept.text.splitlines()[-1]


async def test_evidence_of_a_short_log_is_the_log(cluster):
    write(cluster, line("one") + line("two"))

    (kept,) = await logs_of(cluster, [a_pod()], since=SINCE)

    assert kept.text == line("one") + line("two")


async def test_evidence_has_what_came_before_the_answer_broke_off(cluster):
    write(cluster, line("one"))
    cluster.breaks_off = True

    (kept,) = await logs_of(cluster, [a_pod()], since=SINCE)

    assert "one" in kept.text
    assert "it broke off" in kept.text.splitlines()[-1]


async def test_a_log_that_never_ends_is_read_for_so_long_and_then_said_to_be_incomplete(cluster, monkeypatch):
    monkeypatch.setattr(logs, "READING_SECONDS", 0.05)
    write(cluster, line("one"))
    cluster.never_ends = True

    read = await read_records(cluster, MANAGER, SINCE.timestamp())

    assert [one.fields["msg"] for one in read.records] == ["one"]
    assert read.gaps == ["shop/manager-1, container manager: not read to its end within 0.05 s"]
