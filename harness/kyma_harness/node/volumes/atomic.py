"""Write a configuration volume the way a kubelet does: all of it changes at one instant.

`<volume>/<key>` is a link to `..data/<key>`, and `..data` a link to a folder that is never written to again:
renaming `..data` swaps every file at once, and a process that watches the folder sees exactly that rename.
What a pod has put in the place of one of these links is replaced, and never followed.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kyma_harness.node.folders import new_folder, remove

_CURRENT = "..data"
_NEXT = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """The content of one file of a volume, and its permission bits."""

    content: bytes
    mode: int


def write_atomically(volume: Path, files: Mapping[str, File]) -> bool:
    """Make the volume hold exactly these files, by relative path; return whether anything changed.

    Raises OSError where they cannot be written; the volume is then as it was.
    """
    if volume.is_symlink() or not volume.is_dir():
        new_folder(volume)
    if (current := _current(volume)) and _held(current) == dict(files):
        return False
    written = _written(volume, files)
    _point(volume, written)
    _link(volume, {path.partition("/")[0] for path in files})
    for entry in list(volume.iterdir()):
        if entry.name.startswith("..") and entry.name not in {_CURRENT, written.name}:
            remove(entry)
    return True


def _current(volume: Path) -> Path | None:
    """Return the folder in use; None where there is none, or something else in the place of our link."""
    link = volume / _CURRENT
    if not link.is_symlink():
        return None
    name = str(link.readlink())
    folder = volume / name
    is_ours = name.startswith("..") and "/" not in name and folder.is_dir() and not folder.is_symlink()
    return folder if is_ours else None


def _written(volume: Path, files: Mapping[str, File]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="..", dir=volume))
    try:
        for name, file in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(file.content)
            path.chmod(file.mode)
    except OSError:
        remove(folder)
        raise
    return folder


def _point(volume: Path, folder: Path) -> None:
    following, current = volume / _NEXT, volume / _CURRENT
    remove(following)
    following.symlink_to(folder.name)
    if not current.is_symlink():
        remove(current)  # nothing can be renamed over a folder
    following.rename(current)


def _link(volume: Path, names: set[str]) -> None:
    for name in names:
        entry, target = volume / name, f"{_CURRENT}/{name}"
        if not (entry.is_symlink() and str(entry.readlink()) == target):
            remove(entry)
            entry.symlink_to(target)
    for entry in list(volume.iterdir()):
        if not entry.name.startswith("..") and entry.name not in names:
            remove(entry)


def _held(folder: Path) -> dict[str, File] | None:
    """Return what a folder holds; None where it cannot be read, and so is to be written anew."""
    try:
        return {
            str(path.relative_to(folder)): File(path.read_bytes(), path.stat().st_mode & 0o777)
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
    except OSError:
        return None
