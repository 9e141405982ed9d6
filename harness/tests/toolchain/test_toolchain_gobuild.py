from pathlib import Path

import pytest
from eventually import PATIENCE
from tooling import a_tool, a_toolchain

from kyma_harness.host.process import run
from kyma_harness.toolchain.catalogue import Tool
from kyma_harness.toolchain.toolchain import ToolUnavailableError
from kyma_harness.toolchain.ways import GoBuildWay

MAIN = 'package main\n\nvar version = "none"\n\nfunc main() { println("tiny " + version) }\n'


def a_module(folder: Path, main: str = MAIN) -> Path:
    folder.mkdir()
    (folder / "go.mod").write_text("module example.test/tiny\n\ngo 1.26\n")
    (folder / "main.go").write_text(main)
    return folder


def a_go(folder: Path, version: str) -> str:
    """Return a PATH with a `go` that only tells its version."""
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\necho {version}\n")
    (folder / "go").chmod(0o755)
    return str(folder)


async def test_a_tool_is_built_with_its_linker_flags(tmp_path: Path) -> None:
    tool = Tool(
        name="tiny",
        version="1.2.3",
        package="example.test/tiny",
        ldflags=("-X main.version=v1.2.3",),
        build_seconds=1,
    )
    way = GoBuildWay(a_module(tmp_path / "module"))

    paths = await a_toolchain(tmp_path, [way]).ensure([tool])

    assert (await run([paths.folder / "tiny"], timeout=PATIENCE)).stderr == "tiny v1.2.3\n"


async def test_code_that_does_not_compile_is_told_in_gos_words(tmp_path: Path) -> None:
    way = GoBuildWay(a_module(tmp_path / "module", main="package main\n\nfunc main() { undefined() }\n"))

    with pytest.raises(
        ToolUnavailableError, match=r"go build: go build .* failed .*\n.*\n.*undefined: undefined"
    ):
        await a_toolchain(tmp_path, [way]).ensure([a_tool()])


async def test_an_old_go_is_refused_by_its_version(tmp_path: Path) -> None:
    way = GoBuildWay(a_module(tmp_path / "module"), path=a_go(tmp_path / "bin", "go1.25.9"))

    with pytest.raises(ToolUnavailableError, match=r"bin/go is go1\.25\.9: at least 1\.26 is needed"):
        await a_toolchain(tmp_path, [way]).ensure([a_tool()])


async def test_a_machine_without_go_is_told_so(tmp_path: Path) -> None:
    way = GoBuildWay(a_module(tmp_path / "module"), path=str(tmp_path))

    with pytest.raises(
        ToolUnavailableError, match=r"(?s)go build: there is no go on PATH.*put Go 1\.26 or newer"
    ):
        await a_toolchain(tmp_path, [way]).ensure([a_tool()])


async def test_an_installation_without_the_pins_cannot_build(tmp_path: Path) -> None:
    way = GoBuildWay(tmp_path / "nowhere")

    with pytest.raises(ToolUnavailableError, match="install kyma-harness anew"):
        await a_toolchain(tmp_path, [way]).ensure([a_tool()])
