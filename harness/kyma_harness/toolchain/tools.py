"""The toolchain's command line: `python -m kyma_harness.toolchain.tools ensure` prints the tools' folder."""

import argparse
import asyncio
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from kyma_harness.host.errors import HarnessError
from kyma_harness.host.paths import cache_dir
from kyma_harness.toolchain.catalogue import catalogue
from kyma_harness.toolchain.toolchain import ConsoleProgress, Toolchain, ToolPaths, ensure_tools

_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """The tools of the harness that are on this machine, and the names of the others."""

    found: Mapping[str, Path]
    missing: Sequence[str] = ()


def main(argv: Sequence[str] | None = None) -> int:
    """Ensure the tools and print their folder; everything else goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m kyma_harness.toolchain.tools")
    parser.add_argument("command", choices=["ensure"], help="find, fetch or build what is missing")
    parser.add_argument("--tools", type=Path, help="a folder whose tools come first; default: $HARNESS_TOOLS")
    parser.add_argument("--also", action="append", default=[], help="an optional tool, such as kustomize")
    options = parser.parse_args(argv)
    console = Console(stderr=True)
    explicit = options.tools or explicit_tools(os.environ)
    try:
        paths = asyncio.run(ensure(explicit=explicit, cache=cache_dir(), also=options.also, console=console))
    except HarnessError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted: what is finished is kept, the next run goes on from there.")
        return _INTERRUPTED
    print(paths.folder)  # noqa: T201 - the answer
    return 0


async def ensure(
    *,
    explicit: Path | None,
    cache: Path,
    also: Sequence[str] = (),
    only: Collection[str] | None = None,
    console: Console | None = None,
) -> ToolPaths:
    """Return the tools, all or `only` some, showing on a console what is fetched or built.

    The console is standard error by default.
    """
    progress = ConsoleProgress(console or Console(stderr=True))
    return await ensure_tools(explicit=explicit, cache=cache, progress=progress, also=also, only=only)


async def at_hand(*, explicit: Path | None, cache: Path) -> AtHand:
    """Tell which tools need not be fetched or built."""
    progress = ConsoleProgress(Console(quiet=True))
    toolchain = Toolchain(cache=cache, ways=(), progress=progress, explicit=explicit)
    wanted = [tool for tool in catalogue() if not tool.optional]
    found = await toolchain.at_hand(wanted)
    return AtHand(found=found, missing=[tool.name for tool in wanted if tool.name not in found])


def explicit_tools(environ: Mapping[str, str]) -> Path | None:
    """Return the folder that $HARNESS_TOOLS names, if it names one."""
    folder = environ.get("HARNESS_TOOLS")
    return Path(folder).expanduser() if folder else None


if __name__ == "__main__":
    sys.exit(main())
