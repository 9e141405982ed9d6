"""Take the real lifecycle managers from a folder that somebody filled: ``--kyma-dist``, ``$KYMA_DIST``."""

import asyncio
import hashlib
import lzma
import shutil
import tempfile
from pathlib import Path

from kyma_harness.kyma.cached import settle
from kyma_harness.kyma.errors import DistributionError
from kyma_harness.kyma.pair import BINARIES, MANIFESTS, Folder

CHUNK = 1 << 20


async def prebuilt(dist: Path, cache: Path) -> Folder:
    """Unpack the folder's four files into the cache, once for each content.

    Binaries may be plain or ``.xz``. Raises :class:`DistributionError` that names every file that is missing.
    """
    return await asyncio.to_thread(_unpack, dist, cache)


def _unpack(dist: Path, cache: Path) -> Folder:
    files = {name: _locate(dist, name) for name in (*BINARIES, *MANIFESTS)}
    missing = [name for name, path in files.items() if path is None]
    if missing:
        raise DistributionError(
            f"{dist} lacks {', '.join(missing)}: it has to hold {', '.join(BINARIES)} (plain or .xz) and "
            f"{', '.join(MANIFESTS)}"
        )
    found = {name: path for name, path in files.items() if path}
    target = cache / "kyma" / f"dist-{_digest(found)[:16]}"
    if not target.is_dir():
        _fill(target, found)
    return Folder(path=target, origin=f"from {dist}")


def _locate(dist: Path, name: str) -> Path | None:
    candidates = [dist / name, dist / f"{name}.xz"] if name in BINARIES else [dist / name]
    return next((path for path in candidates if path.is_file()), None)


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _fill(target: Path, files: dict[str, Path]) -> None:
    """Fill a folder beside the target and move it there, so that nobody meets a half-filled one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, path in files.items():
            _copy(path, partial / name)
        partial.chmod(0o755)
        settle(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    opener = lzma.open if source.suffix == ".xz" else open
    try:
        with opener(source, "rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, CHUNK)
    except (lzma.LZMAError, EOFError) as error:
        raise DistributionError(f"{source} is not a whole xz file ({error}): fetch it again") from None
    target.chmod(0o755 if target.name in BINARIES else 0o644)
