import asyncio
import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from tooling import LINUX, StubWay, a_tool, a_toolchain, files_in, refuse

from kyma_harness import toolchain
from kyma_harness.host.locks import FileLock
from kyma_harness.toolchain.catalogue import Tool, catalogue
from kyma_harness.toolchain.toolchain import ToolUnavailableError, WrongToolVersionError
from kyma_harness.toolchain.ways import WheelWay


def a_script(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file


async def test_what_is_in_the_cache_is_not_brought_again(tmp_path: Path) -> None:
    way = StubWay()
    first = await a_toolchain(tmp_path, [way]).ensure([a_tool()])

    second = await a_toolchain(tmp_path, [way]).ensure([a_tool()])

    assert way.brought == ["tiny"]
    assert first == second


async def test_a_way_that_fails_gives_way_to_the_next(tmp_path: Path) -> None:
    fallback = StubWay(name="fallback")

    await a_toolchain(tmp_path, [StubWay(refuse("no network")), fallback]).ensure([a_tool()])

    assert fallback.brought == ["tiny"]


async def test_a_failure_names_the_tool_the_ways_their_reasons_and_a_remedy(tmp_path: Path) -> None:
    ways = [StubWay(refuse("no network"), "release"), StubWay(refuse("no go"), "build")]

    with pytest.raises(ToolUnavailableError) as caught:
        await a_toolchain(tmp_path, ways).ensure([a_tool()])

    lines = str(caught.value).splitlines()
    assert lines[:3] == [
        "tiny 1.2.3 could not be had. Tried:",
        "  release: no network",
        "  build: no go",
    ]
    assert "run the same command again" in lines[3]


async def test_an_explicit_folder_comes_first(tmp_path: Path) -> None:
    script, way = a_script(tmp_path / "mine", "tiny", "tiny v1.2.3"), StubWay()

    paths = await a_toolchain(tmp_path, [way], explicit=tmp_path / "mine").ensure([a_tool(), a_tool("other")])

    assert (paths.folder / "tiny").resolve() == script
    assert way.brought == ["other"]


async def test_an_explicit_tool_of_another_version_is_refused_with_both_versions(tmp_path: Path) -> None:
    a_script(tmp_path / "mine", "tiny", "tiny v1.1.0")

    with pytest.raises(WrongToolVersionError, match=r"mine/tiny is tiny 1\.1\.0, but 1\.2\.3 is needed"):
        await a_toolchain(tmp_path, [StubWay()], explicit=tmp_path / "mine").ensure([a_tool()])


async def test_an_explicit_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    a_script(tmp_path / "mine", "tiny", "").chmod(0o644)

    with pytest.raises(WrongToolVersionError, match="does not tell its version"):
        await a_toolchain(tmp_path, [StubWay()], explicit=tmp_path / "mine").ensure([a_tool()])


async def test_an_explicit_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ToolUnavailableError, match=r"no folder .*/nowhere, which --tools or \$HARNESS_TOOLS names"
    ):
        await a_toolchain(tmp_path, [StubWay()], explicit=tmp_path / "nowhere").ensure([a_tool()])


async def test_two_runs_at_once_share_one_build(tmp_path: Path) -> None:
    way = StubWay()
    chains = [a_toolchain(tmp_path, [way]) for _ in range(2)]

    one, other = await asyncio.gather(*(chain.ensure([a_tool(), a_tool("other")]) for chain in chains))

    assert sorted(way.brought) == ["other", "tiny"]
    assert one == other


async def test_a_run_that_waits_says_for_whom(tmp_path: Path) -> None:
    said = Console(file=io.StringIO(), width=200)
    (tmp_path / "tools").mkdir()
    lock = FileLock(tmp_path / "tools" / ".lock", purpose="bringing tools")
    lock.acquire()
    waiting = asyncio.create_task(a_toolchain(tmp_path, [StubWay()], console=said).ensure([a_tool()]))
    await asyncio.sleep(0)

    lock.release()
    await waiting

    assert "(bringing tools), which is bringing the tools already" in said.file.getvalue()


async def test_an_interrupted_run_keeps_what_is_finished_and_the_next_goes_on(tmp_path: Path) -> None:
    def interrupt(tool: Tool) -> None:
        if tool.name == "second":
            raise asyncio.CancelledError

    tools = [a_tool("first"), a_tool("second")]
    with pytest.raises(asyncio.CancelledError):
        await a_toolchain(tmp_path, [StubWay(interrupt)]).ensure(tools)
    left = files_in(tmp_path / "tools", "[!.]*")
    way = StubWay()

    await a_toolchain(tmp_path, [way]).ensure(tools)

    assert left == ["first"]
    assert way.brought == ["second"]


async def test_another_recipe_has_another_place_in_the_cache(tmp_path: Path) -> None:
    way = StubWay()
    await a_toolchain(tmp_path, [way]).ensure([a_tool()])

    await a_toolchain(tmp_path, [way]).ensure([a_tool(package="example.test/fork")])

    assert way.brought == ["tiny", "tiny"]


async def test_without_a_terminal_progress_is_a_line_at_the_beginning_and_one_at_the_end(
    tmp_path: Path,
) -> None:
    said = Console(file=io.StringIO(), width=200)

    await a_toolchain(tmp_path, [StubWay()], console=said).ensure([a_tool()])

    first, last = said.file.getvalue().splitlines()
    assert first == "tiny 1.2.3: stub, about 1 s …"
    assert re.fullmatch(r"tiny 1\.2\.3: stub, \d+\.\d s", last)


async def test_nothing_is_said_when_nothing_is_missing(tmp_path: Path) -> None:
    await a_toolchain(tmp_path, [StubWay()]).ensure([a_tool()])
    said = Console(file=io.StringIO())

    await a_toolchain(tmp_path, [StubWay()], console=said).ensure([a_tool()])

    assert said.file.getvalue() == ""


async def test_a_wheel_that_is_installed_gives_its_binary(tmp_path: Path) -> None:
    nats = next(tool for tool in catalogue() if tool.name == "nats-server")
    toolchain = a_toolchain(tmp_path, [WheelWay()])

    paths = await toolchain.ensure([nats])

    assert (paths.folder / "nats-server").read_bytes()[:4] == b"\x7fELF"


async def test_a_tool_without_a_wheel_is_not_had_that_way(tmp_path: Path) -> None:
    with pytest.raises(ToolUnavailableError, match="Python wheel: there is none"):
        await a_toolchain(tmp_path, [WheelWay()]).ensure([a_tool()])


def test_every_tool_has_its_own_place_and_a_pinned_package() -> None:
    pins = (Path(toolchain.__file__).parent / "go" / "go.mod").read_text()
    tools = catalogue()

    assert len({tool.key(LINUX) for tool in tools}) == len(tools)
    assert [tool.name for tool in tools if f"\t{tool.package}\n" not in pins] == []
    assert [tool.name for tool in tools if f" v{tool.version}" not in pins] == []
