"""Compile Python for an image, whose files have no times and whose root file system is read-only."""

import importlib.util
import marshal
from pathlib import Path, PurePosixPath

from kyma_harness.oci.layer import Entry

_UNCHECKED_HASH = (0b01).to_bytes(4, "little")
_HEADER_BYTES = 16


def compiled(source: Path, path: str) -> Entry:
    """Return the byte code of a module beside its source, valid whatever the source's time is (PEP 552).

    What is cached on this machine is used; whether it is up to date is told by time and size, as Python does.
    """
    text = source.read_bytes()
    code = _cached(source) or marshal.dumps(compile(text, path, "exec", dont_inherit=True))
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(text)
    where = PurePosixPath(path)
    name = PurePosixPath(importlib.util.cache_from_source(where.name)).name
    return Entry(path=str(where.parent / "__pycache__" / name), content=header + code)


def _cached(source: Path) -> bytes | None:
    try:
        cached = Path(importlib.util.cache_from_source(str(source))).read_bytes()
    except OSError:
        return None
    stat = source.stat()
    stamp = (int(stat.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    size = (stat.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    wanted = importlib.util.MAGIC_NUMBER + bytes(4) + stamp + size
    return cached[_HEADER_BYTES:] if cached[:_HEADER_BYTES] == wanted else None
