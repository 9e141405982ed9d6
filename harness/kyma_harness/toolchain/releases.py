"""Fetch a tool as its publisher released it, and hold it against a SHA-256 sum.

The sum is the pinned one of checksums.txt where it stands there. Where it does not, it is the one that the
publisher keeps beside the release: good against a broken download, and as trustworthy as that site over TLS.
"""

import asyncio
import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from kyma_harness.toolchain.catalogue import Platform, Release, Tool
from kyma_harness.toolchain.ways import Offer, Report, WayFailedError

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
