"""Give a process a root of its own, made of folders of the host: a mount namespace, as a container has it.

Root may make one. Everybody else may where the host lets users have user namespaces, in which they are
allowed what root is and remain who they are.
"""

import ctypes
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
HOST = "/.host"
"""Where a process with a root of its own finds all of the host, also what a mount of its own covers."""


class Privilege(StrEnum):
    """What it takes to make a mount namespace."""

    OURS = "ours"
    """We may: we are root, and nothing keeps us from it."""
    USER_NAMESPACE = "user namespace"
    """We may within a user namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder that a process has as its root, and the folders and files of the host that are bound in it.

    `binds` are pairs of what is bound and of the path within the root, parents first. Those of `world` are
    left out where they cannot be bound. `cwd` is the working folder within the root.
    """

    folder: Path
    world: tuple[tuple[Path, str], ...]
    binds: tuple[tuple[Path, str], ...]
    cwd: str
    privilege: Privilege


def made_root(folder: Path, mounts: Mapping[str, Path], *, cwd: str, privilege: Privilege) -> Root:
    """Make an empty folder the root of a process that sees the host, but for what `mounts` puts elsewhere.

    A mount point that the host has not is made without touching the host: the folders above it are folders of
    the root, with links to all that the host has in them. One within another mount is made within that.
    Raises OSError where one cannot be made.
    """
    points = {os.path.realpath(path): source for path, source in sorted(mounts.items())}
    mirrored = _mirrored(points)
    (folder / HOST.lstrip("/")).mkdir()
    world = [(Path("/"), HOST)]
    for at in sorted(mirrored):
        (folder / at.lstrip("/")).mkdir(exist_ok=True)
        world += _filled(folder, at, mirrored | points.keys())
    for point, source in sorted(points.items()):
        _make_point(folder, point, source, points, mirrored)
    return Root(
        folder=folder,
        world=tuple(world),
        binds=tuple((source, point) for point, source in sorted(points.items())),
        cwd=cwd,
        privilege=privilege,
    )


def _mirrored(points: Mapping[str, Path]) -> set[str]:
    """Return the folders that cannot be the host's: something is mounted in them that the host has not."""
    own = [point for point in points if not _covering(point, points)]
    mirrored = {"/"}
    pending = [point for point in own if not _is_there(point, points[point])]
    while pending:
        for point in pending:
            mirrored |= {str(parent) for parent in Path(point).parents}
        # What is in a folder of links cannot be mounted on: the links lead out of the root.
        pending = [
            point for point in own
            if Path(point).parents[0] != Path("/")
            and any(str(parent) in mirrored - {"/"} for parent in Path(point).parents)
            and str(Path(point).parent) not in mirrored
        ]  # fmt: skip
    return mirrored


def _covering(point: str, points: Mapping[str, Path]) -> str | None:
    """Return the nearest other mount point that a mount point lies in."""
    return next((str(parent) for parent in Path(point).parents if str(parent) in points), None)


def _is_there(point: str, source: Path) -> bool:
    return os.path.isdir(point) if source.is_dir() else os.path.isfile(point)  # noqa: PTH112, PTH113 - not a link


def _filled(folder: Path, at: str, left_out: set[str]) -> list[tuple[Path, str]]:
    """Put all that a folder of the host has into its mirror, and return what is to be bound there."""
    binds: list[tuple[Path, str]] = []
    try:
        entries = sorted(os.scandir(at), key=lambda entry: entry.name)
    except OSError:
        return binds  # the host has no such folder, or does not let us see into it
    for entry in entries:
        place = folder / entry.path.lstrip("/")
        if entry.path in left_out:
            continue
        if entry.is_symlink():
            place.symlink_to(os.readlink(entry.path))  # noqa: PTH115 - as it is written
        elif at != "/":
            place.symlink_to(HOST + entry.path)
        else:
            _made_like(place, is_folder=entry.is_dir())
            binds.append((Path(entry.path), entry.path))
    return binds


def _make_point(
    folder: Path, point: str, source: Path, points: Mapping[str, Path], mirrored: set[str]
) -> None:
    if covering := _covering(point, points):
        place = (points[covering] / Path(point).relative_to(covering)).resolve()
        if not place.is_relative_to(points[covering].resolve()):
            raise OSError(f"{point} leads out of what is mounted at {covering}, by a link: remove the link")
        _made_like(place, is_folder=source.is_dir())
    elif str(Path(point).parent) in mirrored:
        _made_like(folder / point.lstrip("/"), is_folder=source.is_dir())


def _made_like(place: Path, *, is_folder: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        place.mkdir(exist_ok=True)
    else:
        place.touch()


def entering(root: Root) -> Callable[[], None]:
    """Return what a forked process calls to enter a root: system calls alone, all else is done by now.

    What fails is written to its standard error, and raised.
    """
    if platform.machine() not in _PIVOT_ROOT:
        raise OSError(f"this harness does not know how to change the root on {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    unshare, mount, umount2, syscall = libc.unshare, libc.mount, libc.umount2, libc.syscall
    new, cwd, pivot_root = os.fsencode(root.folder), os.fsencode(root.cwd), _PIVOT_ROOT[platform.machine()]
    flags = _CLONE_NEWNS
    identity: tuple[tuple[str, bytes], ...] = ()
    if root.privilege is Privilege.USER_NAMESPACE:
        flags |= _CLONE_NEWUSER
        user, group = os.geteuid(), os.getegid()
        identity = (
            ("/proc/self/setgroups", b"deny"),
            ("/proc/self/uid_map", f"{user} {user} 1".encode()),
            ("/proc/self/gid_map", f"{group} {group} 1".encode()),
        )
    world = [(os.fsencode(source), new + os.fsencode(point)) for source, point in root.world]
    binds = [(os.fsencode(source), new + os.fsencode(point)) for source, point in root.binds]

    def check(result: int, what: bytes) -> None:
        if result != 0:
            number = ctypes.get_errno()
            os.write(
                2,
                b"cannot give the container its root: " + what + b": " + os.strerror(number).encode() + b"\n",
            )
            raise OSError(number, os.strerror(number))

    def enter() -> None:
        check(unshare(flags), b"unshare")
        for file, content in identity:
            descriptor = os.open(file, os.O_WRONLY)
            os.write(descriptor, content)
            os.close(descriptor)
        check(mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), b"make mounts private")
        check(mount(new, new, None, _MS_BIND, None), b"mount " + new)
        for source, point in world:
            mount(source, point, None, _MS_BIND | _MS_REC, None)
        for source, point in binds:
            check(mount(source, point, None, _MS_BIND | _MS_REC, None), b"mount " + point)
        os.chdir(new)
        check(syscall(pivot_root, b".", b"."), b"change the root")
        check(umount2(b".", _MNT_DETACH), b"leave the root of the host")
        os.chdir(cwd)

    return enter
