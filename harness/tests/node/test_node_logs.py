import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from eventually import PATIENCE

from kyma_harness.node.containers.logs import ContainerLog, LogQuery


@pytest.fixture
def log(tmp_path):
    opened = ContainerLog(tmp_path / "web" / "0.log")
    yield opened
    opened.close_now()


async def text_of(log, **options):
    return b"".join([line async for line in log.read(LogQuery(**options))]).decode()


async def test_what_is_written_is_read_back(log):
    log.write(b"one\ntwo\n")

    assert await text_of(log) == "one\ntwo\n"


async def test_a_line_counts_when_its_end_has_come(log):
    log.write(b"one\ntw")

    assert await text_of(log) == "one\n"


async def test_the_last_line_needs_no_end(log):
    log.write(b"one\ntw")
    log.close_now()

    assert await text_of(log) == "one\ntw\n"


async def test_carriage_returns_and_empty_lines_are_kept(log):
    log.write(b"50%\r100%\n\nend\n")

    assert await text_of(log) == "50%\r100%\n\nend\n"


@pytest.mark.parametrize(("lines", "text"), [(0, ""), (2, "b\nc\n"), (9, "a\nb\nc\n")])
async def test_the_tail_is_the_last_lines(log, lines, text):
    log.write(b"a\nb\nc\n")

    assert await text_of(log, tail_lines=lines) == text


async def test_bytes_are_limited_in_the_middle_of_a_line(log):
    log.write(b"abc\ndef\n")

    assert await text_of(log, limit_bytes=6) == "abc\nde"


async def test_each_line_has_its_time(log):
    log.write(b"one\n")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z one\n", await text_of(log, timestamps=True))


async def test_lines_from_before_are_left_out(log):
    log.write(b"old\n")

    assert await text_of(log, since=datetime.now(UTC) + timedelta(seconds=1)) == ""
    assert await text_of(log, since=datetime.now(UTC) - timedelta(hours=1)) == "old\n"


async def test_a_follower_sees_what_comes_and_ends_with_the_container(log):
    log.write(b"one\n")
    follower = asyncio.create_task(text_of(log, follow=True))
    await asyncio.sleep(0)

    log.write(b"two\n")
    await asyncio.sleep(0)
    log.write(b"three\n")
    log.close_now()

    assert await asyncio.wait_for(follower, PATIENCE) == "one\ntwo\nthree\n"


async def test_a_rotated_log_is_read_from_its_older_part_on(tmp_path):
    log = ContainerLog(tmp_path / "0.log", rotate_bytes=100)
    follower = asyncio.create_task(text_of(log, follow=True))
    await asyncio.sleep(0)

    for number in range(3):
        log.write(f"{number} {'x' * 60}\n".encode())
    log.close_now()

    expected = [f"{number} {'x' * 60}" for number in range(3)]
    assert log.older.exists()
    assert (await text_of(log)).splitlines() == expected
    assert (await asyncio.wait_for(follower, PATIENCE)).splitlines() == expected


async def test_a_process_writes_through_a_pipe(log):
    with log.write_end() as descriptor:
        os.write(descriptor, b"from the process\n")

    await log.close()

    assert await text_of(log) == "from the process\n"


async def test_a_leaked_pipe_does_not_keep_the_log_open(log):
    with log.write_end() as descriptor:
        leaked = os.dup(descriptor)
    os.write(leaked, b"said\n")
    await asyncio.sleep(0)

    await log.close(patience=0.01)

    os.close(leaked)
    assert log.closed
    assert await text_of(log) == "said\n"


async def test_the_last_words_are_the_last_lines(log):
    log.write(b"a\nb\nc\n")

    assert log.tail(2) == "b\nc"


def test_a_line_that_finds_no_room_is_lost_and_nothing_else():
    log = ContainerLog(Path("/dev/full"))

    log.write(b"lost\nand more\n")

    log.close_now()
    assert log.closed


async def test_a_log_that_is_gone_has_nothing_to_read(tmp_path):
    log = ContainerLog(tmp_path / "0.log")
    log.write(b"gone\n")
    log.close_now()
    log.remove()

    assert [line async for line in log.read(LogQuery(follow=True))] == []
