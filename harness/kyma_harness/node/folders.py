"""Folders that pods write in: no link of theirs leads us out of them, and no mode of theirs keeps us out.

Whatever is below such a folder may have been put there by a pod: a link in the place of a file of ours, or a
folder that nobody may write to. What we do there must neither reach anything else of the machine nor fail.
"""

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kyma_harness.host.paths import runtime_dir
from kyma_harness.node.errors import NodeError, VolumeError

# What no shell splits or expands, wherever it stands.
_PLAIN = re.compile(r"[\w./@+-]+")


def plain_path(folder: Path) -> Path:
    """Return a path to a folder that a script may hold unquoted: its own, or the place for a link to it.

    A mount path is replaced within commands, and nobody quotes `/data`. Raises NodeError where there is no
    such place.
    """
    if _PLAIN.fullmatch(str(folder)):
        return folder
    place = runtime_dir() / "nodes" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    if not _PLAIN.fullmatch(str(place)):
        raise NodeError(
            f"neither {folder} nor {place.parent} can stand in a script as it is, for its spaces or signs:"
            " set KYMA_HARNESS_STATE or XDG_RUNTIME_DIR to a folder of letters, digits, dots and dashes"
        )
    return place


@contextmanager
def linked(place: Path, folder: Path) -> Iterator[None]:
    """Have a link to a folder at a place while the block runs, unless it is the folder itself."""
    if place == folder:
        yield
        return
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(folder)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def place_within(folder: Path, path: str) -> Path:
    """Return where a relative path of a volume really lies.

    Raises VolumeError for a path that leads out of it: an absolute one, one with `..`, one through a link.
    """
    if path.startswith("/"):
        raise VolumeError(f"path {path} in a volume must not be an absolute path")
    if ".." in path.split("/"):
        raise VolumeError(f"path {path} in a volume must not contain '..'")
    try:
        base, place = folder.resolve(), (folder / path).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise VolumeError(f"path {path} in a volume cannot be followed: {error}") from error
    if not place.is_relative_to(base):
        raise VolumeError(f"path {path} leads out of its volume, by a link: remove the link")
    return place


def new_file(path: Path, content: bytes = b"", *, mode: int = 0o600) -> Path:
    """Write a file in the place of whatever stands there, a link included, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path


def first_bytes(path: Path, limit: int) -> bytes:
    """Return the beginning of a regular file; nothing where there is none, or something else in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(descriptor, limit) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)


def new_folder(path: Path) -> Path:
    """Make an empty folder in the place of whatever stands there, and return it."""
    remove(path)
    path.mkdir(parents=True)
    return path


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it; raises OSError where that cannot be."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    open_up(path)
    shutil.rmtree(path)


def open_up(folder: Path) -> None:
    """Let the owner into a folder and all below it, and write there, so that everything can be removed."""
    if not folder.is_dir():
        return
    _let_in(folder)
    for parent, names, _ in os.walk(folder):
        for name in names:
            _let_in(Path(parent) / name)


def _let_in(folder: Path) -> None:
    with suppress(OSError):  # what is not ours to change may yet be removed
        mode = folder.lstat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
