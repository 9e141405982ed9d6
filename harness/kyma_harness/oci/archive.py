"""Pack a folder into a tar.gz whose bytes depend on nothing but names and contents.

See ``docs/decisions/reproducible-bundles.md`` for why nothing is compressed.
"""

import io
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from kyma_harness.kyma.errors import BundleError

GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
"""Deflate, no flags and so no file name, mtime 0, no compression level, unknown operating system."""
STORED_BLOCK = 0xFFFF
"""The most bytes one stored deflate block holds (RFC 1951, 3.2.4)."""


def pack_folder(folder: Path) -> bytes:
    """Pack a folder's files with the folder itself as root, as module-manager unpacks them (contract 3.3).

    Directories come before what is in them, everything is sorted by its path, belongs to nobody and has
    no time. Hidden files but ``.helmignore``, editors' backups and byte code are left out; anything but
    a file or a folder is a :class:`BundleError`.
    """
    return gzip(tar(_members(folder)))


def tar(members: Iterator[tuple[str, bytes | None]]) -> bytes:
    """Write ``(path, content)`` members in their order; no content makes a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                info.mode, info.size = 0o644, len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def gzip(data: bytes) -> bytes:
    """Wrap data into a gzip member of stored blocks: the same bytes with every zlib."""
    starts = range(0, len(data), STORED_BLOCK) or (0,)
    stored = b"".join(
        _stored(data[start : start + STORED_BLOCK], final=start == starts[-1]) for start in starts
    )
    return GZIP_HEADER + stored + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _stored(block: bytes, *, final: bool) -> bytes:
    return struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block


def _members(folder: Path) -> Iterator[tuple[str, bytes | None]]:
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        name = path.relative_to(folder)
        if any(_is_left_out(part) for part in name.parts):
            continue
        if ":" in str(name):
            raise BundleError(f"{path}: module-manager refuses names with a colon; rename the file")
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(f"{path} is neither a file nor a folder; module-manager unpacks nothing else")
        yield name.as_posix(), None if path.is_dir() else path.read_bytes()


def _is_left_out(part: str) -> bool:
    hidden = part.startswith(".") and part != ".helmignore"
    return hidden or part.endswith("~") or part == "__pycache__"
