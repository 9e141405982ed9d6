"""Write one layer of an image: a tar whose bytes depend on nothing but paths, modes and contents."""

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kyma_harness.oci.bundle import Blob

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed: the registry is near, and the bytes stay the same with every zlib."""
FOLDER_MODE, FILE_MODE, PROGRAM_MODE, SCRATCH_MODE = 0o755, 0o644, 0o755, 0o1777


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, link or folder of an image; all belong to root."""

    path: str
    """Absolute, as in the container."""
    content: Path | bytes | None = None
    """None makes a folder, or a link where there is a target."""
    target: str = ""
    """Where a symbolic link points to."""
    mode: int = FILE_MODE


def program(path: str, content: Path | bytes) -> Entry:
    """Put an executable file into the image."""
    return Entry(path=path, content=content, mode=PROGRAM_MODE)


def folder(path: str, mode: int = FOLDER_MODE) -> Entry:
    """Put a folder into the image; those on the way to a file need not be named."""
    return Entry(path=path, mode=mode)


def link(path: str, target: str) -> Entry:
    """Put a symbolic link into the image."""
    return Entry(path=path, target=target)


def layer(entries: Iterable[Entry]) -> Blob:
    """Pack entries, sorted, without times and owners; of two with the same path the later one counts."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in PurePosixPath(path).parents[:-1]:
            found.setdefault(str(parent), folder(str(parent)))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(found):
            _add(archive, found[path])
    return Blob(media_type=LAYER_TYPE, content=buffer.getvalue())


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path.lstrip("/"))
    info.mode = entry.mode
    if entry.target:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        archive.addfile(info)
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    else:
        content = entry.content.read_bytes() if isinstance(entry.content, Path) else entry.content
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
