"""Where the harness keeps things: by the XDG rules, each place overridable."""

import errno
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from kyma_harness.host.descendants import known_name
from kyma_harness.host.errors import ForeignFolderError, PlaceError, UnsafeFolderError

_APPLICATION = "kyma-harness"
_COMMON = Path("/tmp")  # noqa: S108 - what is made there is checked for its owner
_SHOWN = 3
_USERS_OWN = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
    | {errno.ELOOP, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE, errno.EISDIR}
)
"""What a machine says no with for reasons of its own: rights, room, and what lies in the way."""


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what can be made again: tools and the locks around making them."""
    return _place(environ, "KYMA_HARNESS_CACHE", "XDG_CACHE_HOME", ".cache")


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder under which every running cluster has its own state folder."""
    return _place(environ, "KYMA_HARNESS_STATE", "XDG_STATE_HOME", ".local/state")


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of locks that all runs of this user share; it is created, for this user alone.

    It is not in ``$TMPDIR`` where it can be helped: runs that differ in that share the ports all the same.
    """
    base = environ.get("XDG_RUNTIME_DIR")
    if base and os.access(base, os.W_OK):
        return private_folder(Path(base) / _APPLICATION)
    common = _COMMON if os.access(_COMMON, os.W_OK) else Path(tempfile.gettempdir())
    return private_folder(common / f"{_APPLICATION}-{os.getuid()}")


def definite(path: Path, base: Path | None = None) -> Path:
    """Return the one absolute path of a file, whichever way it was named; relative ones begin at ``base``.

    Links on the way are followed, a link in its place is not: what lies beside it, or its name, may count.
    """
    whole = (base or Path.cwd()) / path
    return whole.resolve() if whole.name in {"", ".."} else whole.parent.resolve() / whole.name


def explained(error: OSError, environ: Mapping[str, str] = os.environ) -> PlaceError | None:
    """Say what the system does not let us do, to which place, and which variable names another.

    None for an error that is none of its user's to mend, but a defect.
    """
    if error.errno not in _USERS_OWN:
        return None
    place = Path(os.fsdecode(error.filename)) if error.filename else None
    what = f"{place} cannot be used" if place else "a file cannot be written"
    variables = " or ".join(_variables_of(place, environ)) if place else ""
    remedy = f"name another folder with {variables}" if variables else "make room, or let this user in there"
    return PlaceError(f"{what} ({error.strerror})", remedy=remedy)


def _variables_of(place: Path, environ: Mapping[str, str]) -> list[str]:
    """Return by which variables the folders are named that a place is in, or that are in it."""
    folders = {"KYMA_HARNESS_STATE": state_dir(environ), "KYMA_HARNESS_CACHE": cache_dir(environ)}
    if base := environ.get("XDG_RUNTIME_DIR"):
        folders["XDG_RUNTIME_DIR"] = Path(base)
    return [
        name
        for name, folder in folders.items()
        if place.is_relative_to(folder) or folder.is_relative_to(place)
    ]


def private_folder(path: Path) -> Path:
    """Create a folder that only this user may enter, and refuse one that somebody else has prepared."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.getuid():
        raise UnsafeFolderError(
            f"{path} belongs to another user or is a link: remove it, or choose another place"
            " (KYMA_HARNESS_STATE, XDG_RUNTIME_DIR, TMPDIR)"
        )
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file that only this user may read; readers see the old content or the new, never a part."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
    return path


def check_ours(folder: Path, telling: Collection[str], names: Collection[str]) -> None:
    """Raise ForeignFolderError where a folder that is to be removed is not a cluster's.

    It is where it has one of the ``telling`` names, or none but these ``names``, as the rest of a removal.
    """
    found = _entries(folder)
    is_told = any(known_name(entry, telling) for entry in found)
    if not is_told and not all(known_name(entry, names) for entry in found):
        raise ForeignFolderError(
            f"{folder} is not removed, as it has {_few(found)} and nothing of a cluster"
            ": see what it is, and remove it yourself"
        )


def check_free(folder: Path, names: Collection[str]) -> None:
    """Raise ForeignFolderError where a folder that is to be filled has entries of other names than these."""
    if foreign := [entry for entry in _entries(folder) if not known_name(entry, names)]:
        raise ForeignFolderError(
            f"{folder} has {_few(foreign)}, which is no part of a cluster, so that none is made there"
            ": move it away, or name another cluster (--cluster) or another folder (KYMA_HARNESS_STATE)"
        )


def _entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _place(environ: Mapping[str, str], own: str, xdg: str, fallback: str) -> Path:
    try:
        if chosen := environ.get(own):
            return Path(chosen).expanduser().absolute()
        base = environ.get(xdg)
        # The XDG rules: a relative path there is invalid and to be ignored.
        root = Path(base) if base and Path(base).is_absolute() else Path.home() / fallback
    except RuntimeError as error:  # a user without a name, as containers have
        remedy = f"name a folder with {own}"
        raise PlaceError(f"this user has no home folder ({error})", remedy=remedy) from None
    return root / _APPLICATION
