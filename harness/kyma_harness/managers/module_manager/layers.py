"""Fetch a Manifest's layers, once for each digest (contract 3.3)."""

import asyncio
import gzip
import io
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from kyma_harness.kyma.errors import KymaError
from kyma_harness.kyma.installation import entries_of
from kyma_harness.kyma.originals import settle
from kyma_harness.oci.registry import Location, connect


class LayerError(KymaError):
    """A layer that cannot be used."""


class Layers:
    """Layers on disk; a digest that was fetched and checked before is not asked for again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._configs: dict[str, bytes] = {}

    async def chart(self, source: dict[str, str]) -> Path:
        """Return the folder of an unpacked chart; ``source`` is an ``oci-ref`` with repo, name and ref."""
        if source.get("type") != "oci-ref":
            raise LayerError(
                f"source type {source.get('type')!r}: the built-in module-manager knows oci-ref only; "
                "put the chart into a layer of the module's bundle"
            )
        target = self._folder / f"{source['name'].replace('/', '-')}-{source['ref'].replace(':', '-')}"
        if not await asyncio.to_thread(target.is_dir):
            content = await _pull(source)
            await asyncio.to_thread(_unpack, content, target)
        return target

    async def config(self, source: dict[str, str]) -> list[Any]:
        """Return the entries of a config layer; none where there is no such layer, or nothing in it."""
        if not source.get("ref"):
            return []
        if source["ref"] not in self._configs:
            self._configs[source["ref"]] = await _pull(source)
        return entries_of(self._configs[source["ref"]], name_of(source))


def name_of(source: dict[str, str]) -> str:
    """Name a config layer in an error."""
    return f"config layer {source.get('ref', '')}".rstrip()


async def _pull(source: dict[str, str]) -> bytes:
    location = Location.parse(source["repo"])
    async with connect(location) as registry:
        return await registry.pull_blob(source["name"], source["ref"])


def _unpack(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
            for member in archive:
                _unpack_member(archive, member, partial)
        settle(partial, target)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise LayerError(f"{target.name} is not a chart layer, a tar.gz: {error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or ":" in member.name:
        raise LayerError(f"{member.name!r} in the chart layer leads out of it")
    if member.isdir():
        (folder / path).mkdir()
    elif (content := archive.extractfile(member) if member.isreg() else None) is not None:
        (folder / path).write_bytes(content.read())
    else:
        raise LayerError(f"{member.name!r} in the chart layer is neither a file nor a folder")
