"""Tools of which one does something else."""

from pathlib import Path

from kyma_harness.toolchain.toolchain import ToolPaths


def substituted(tools: ToolPaths, folder: Path, name: str, script: str) -> ToolPaths:
    """Return the tools with one of them replaced by a shell script."""
    folder.mkdir()
    for tool in tools.folder.iterdir():
        (folder / tool.name).symlink_to(tool)
    (folder / name).unlink()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return ToolPaths(folder=folder)
