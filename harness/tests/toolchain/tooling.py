"""Builders for the tests of the toolchain: tools, ways and a publisher of releases."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from rich.console import Console

from kyma_harness.toolchain.catalogue import Platform, Release, Tool
from kyma_harness.toolchain.toolchain import ConsoleProgress, Toolchain
from kyma_harness.toolchain.ways import Offer, Report, Way, WayFailedError

LINUX = Platform(os="linux", arch="amd64")
BINARY = b"#!/bin/sh\necho tiny 1.2.3\n"
ASSET = "/tiny.test/tiny-1.2.3.tar.gz"
RELEASE = Release(
    url="https://tiny.test/tiny-{version}.tar.gz",
    checksums="https://tiny.test/tiny-{version}.tar.gz.sha256",
    member="{os}-{arch}/tiny",
)


def a_tool(
    name: str = "tiny", *, release: Release | None = RELEASE, package: str = "example.test/tiny"
) -> Tool:
    return Tool(name=name, version="1.2.3", package=package, release=release, build_seconds=1)


def a_toolchain(
    cache: Path, ways: Sequence[Way], *, explicit: Path | None = None, console: Console | None = None
) -> Toolchain:
    progress = ConsoleProgress(console or Console(quiet=True))
    return Toolchain(cache=cache, ways=ways, progress=progress, explicit=explicit, platform=LINUX)


def an_archive(member: str = "linux-amd64/tiny", content: bytes = BINARY) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def files_in(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in folder.rglob(pattern) if path.is_file() and not path.is_symlink())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@asynccontextmanager
async def a_publisher(files: dict[str, bytes], *, port: int = 0) -> AsyncIterator[str]:
    """Serve files by path, and give the base URL; anything else is 404."""

    async def answer(request: web.Request) -> web.Response:
        if request.path not in files:
            raise web.HTTPNotFound
        return web.Response(body=files[request.path])

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class StubWay:
    """A way that writes a binary for each tool, unless its hook raises; it remembers which."""

    def __init__(self, hook: Callable[[Tool], None] = lambda _: None, name: str = "stub") -> None:
        self.name = name
        self.brought: list[str] = []
        self._hook = hook

    def offer(self, tool: Tool) -> Offer:
        return Offer(label=self.name, seconds=tool.build_seconds)

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        report("working", None)
        await asyncio.to_thread(target.write_bytes, BINARY)
        await asyncio.sleep(0)
        self._hook(tool)
        self.brought.append(tool.name)


def refuse(reason: str) -> Callable[[Tool], None]:
    def hook(_tool: Tool) -> None:
        raise WayFailedError(reason)

    return hook
