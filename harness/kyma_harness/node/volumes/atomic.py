"""Write a configuration volume the way a kubelet does: all of it changes at one instant.

`<volume>/<key>` is a link to `..data/<key>`, and `..data` a link to a folder that is never written to again:
renaming `..data` swaps every file at once, and a process that watches the folder sees exactly that rename.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CURRENT = "..data"
_NEXT = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """The content of one file of a volume, and its permission bits."""

    content: bytes
    mode: int


def write_atomically(volume: Path, files: Mapping[str, File]) -> bool:
    """Make the volume hold exactly these files, by relative path; return whether anything changed."""
    volume.mkdir(parents=True, exist_ok=True)
    current = volume / _CURRENT
    if current.exists() and _held(current) == dict(files):
        return False
    previous = current.resolve() if current.exists() else None
    _point(volume, _written(volume, files))
    _link(volume, {path.partition("/")[0] for path in files})
    if previous:
        shutil.rmtree(previous, ignore_errors=True)
    return True


def _written(volume: Path, files: Mapping[str, File]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="..", dir=volume))
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    return folder


def _point(volume: Path, folder: Path) -> None:
    following = volume / _NEXT
    following.unlink(missing_ok=True)
    following.symlink_to(folder.name)
    following.rename(volume / _CURRENT)


def _link(volume: Path, names: set[str]) -> None:
    for name in names:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"{_CURRENT}/{name}")
    for entry in volume.iterdir():
        if not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()


def _held(folder: Path) -> dict[str, File]:
    return {
        str(path.relative_to(folder.resolve())): File(path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.resolve().rglob("*")
        if path.is_file()
    }
