"""Give a process a root of its own, made of folders of the host: a mount namespace, as a container has it.

Root may make one. Everybody else may where the host lets users have user namespaces, in which they are
allowed what root is and remain who they are.
"""

import ctypes
import os
import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWUSER = 0x00020000, 0x04000000, 0x10000000
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


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a new root has from the beginning: a folder, a file, or with a target a link."""

    path: str
    is_folder: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The root of a process: a file system in memory with folders and files of the host bound into it.

    `folder` is an empty folder of the host, at which it is put together. `binds` are pairs of what is bound
    and of the path within the root, parents first; those of `world` are left out where they cannot be bound.
    `cwd` is the working folder within the root, `hostname` how the host is called in it.
    """

    folder: Path
    entries: tuple[Entry, ...]
    world: tuple[tuple[Path, str], ...]
    binds: tuple[tuple[Path, str], ...]
    cwd: str
    hostname: str
    privilege: Privilege


@dataclass(frozen=True, slots=True, kw_only=True)
class RootOf:
    """The root that a process of ours has, for another that is to see the same."""

    pid: int
    cwd: str
    privilege: Privilege


def planned_root(
    folder: Path,
    mounts: Mapping[str, Path],
    *,
    cwd: str = "/",
    hostname: str = "localhost",
    privilege: Privilege,
) -> Root:
    """Return the root of a process that sees the host, but for what `mounts` puts elsewhere.

    A mount point that the host has not is made without touching the host: the folders above it are folders of
    the root, with links to all that the host has in them. One within another mount is made within that, and a
    source that is mounted elsewhere, as a disk that is full, is linked to.
    Raises OSError where one cannot be made.
    """
    points = {os.path.realpath(path): source for path, source in sorted(mounts.items())}
    mirrored = _mirrored(points)
    entries, world = [Entry(HOST, is_folder=True)], [(Path("/"), HOST)]
    for at in sorted(mirrored):
        entries += [Entry(at, is_folder=True)] if at != "/" else []
        found = _found(at, mirrored | points.keys())
        entries += found
        world += [(Path(one.path), one.path) for one in found if not one.target]
    for point, source in points.items():
        if covering := _covering(point, points):
            _make_point(points[covering], Path(point).relative_to(covering), source)
        elif _is_elsewhere(source):
            entries.append(Entry(point, target=os.readlink(source)))  # noqa: PTH115 - as it is written
        elif str(Path(point).parent) in mirrored:
            entries.append(Entry(point, is_folder=source.is_dir()))
    linked = {one.path for one in entries if one.target}
    binds = tuple((source, point) for point, source in sorted(points.items()) if point not in linked)
    return Root(
        folder=folder,
        entries=tuple(entries),
        world=tuple(world),
        binds=binds,
        cwd=cwd,
        hostname=hostname,
        privilege=privilege,
    )


def _mirrored(points: Mapping[str, Path]) -> set[str]:
    """Return the folders that cannot be the host's: something is mounted in them that the host has not."""
    own = [point for point in points if not _covering(point, points)]
    mirrored = {"/"}
    pending = [point for point in own if _is_elsewhere(points[point]) or not _is_there(point, points[point])]
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


def _is_elsewhere(source: Path) -> bool:
    """Tell whether a source is a link into another mount namespace, out of which nothing can be bound."""
    return source.is_symlink() and str(source.readlink()).startswith("/proc/")


def _is_there(point: str, source: Path) -> bool:
    return os.path.isdir(point) if source.is_dir() else os.path.isfile(point)  # noqa: PTH112, PTH113 - not a link


def _found(at: str, left_out: Collection[str]) -> list[Entry]:
    """Return what a folder of the host has, as entries of its mirror: those at the top are to be bound."""
    try:
        found = sorted(os.scandir(at), key=lambda entry: entry.name)
    except OSError:
        return []  # the host has no such folder, or does not let us see into it
    entries = []
    for one in found:
        if one.path in left_out:
            continue
        if one.is_symlink():
            entries.append(Entry(one.path, target=os.readlink(one.path)))  # noqa: PTH115 - as it is written
        elif at != "/":
            entries.append(Entry(one.path, target=HOST + one.path))
        else:
            entries.append(Entry(one.path, is_folder=one.is_dir()))
    return entries


def _make_point(covering: Path, within: Path, source: Path) -> None:
    """Make a mount point within what is mounted above it, as a container runtime does."""
    place = (covering / within).resolve()
    if not place.is_relative_to(covering.resolve()):
        raise OSError(f"{within} leads out of what is mounted above it, by a link: remove the link")
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()


@contextmanager
def entering(root: Root | RootOf) -> Iterator[Callable[[], None]]:
    """Give what a process calls that is forked in the block: system calls alone, all else is done by then.

    What fails is written to its standard error, and raised. Raises OSError where it cannot be prepared, as
    when the process whose root it is has ended.
    """
    if platform.machine() not in _PIVOT_ROOT:
        raise OSError(f"this harness does not know how to change the root on {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    if isinstance(root, Root):
        yield _making(root, libc)
        return
    kinds = [*(["user"] if root.privilege is Privilege.USER_NAMESPACE else []), "uts", "mnt"]
    with ExitStack() as stack:
        files = [stack.enter_context(Path(f"/proc/{root.pid}/ns/{kind}").open("rb")) for kind in kinds]
        yield _joining([file.fileno() for file in files], root.cwd, libc.setns)


def _joining(namespaces: Sequence[int], cwd: str, setns: Callable[[int, int], int]) -> Callable[[], None]:
    def enter() -> None:
        for namespace in namespaces:
            _check(setns(namespace, 0), b"join the container")
        os.chdir(cwd)

    return enter


def _making(root: Root, libc: ctypes.CDLL) -> Callable[[], None]:
    unshare, mount, umount2, syscall = libc.unshare, libc.mount, libc.umount2, libc.syscall
    new, cwd, pivot_root = os.fsencode(root.folder), os.fsencode(root.cwd), _PIVOT_ROOT[platform.machine()]
    sethostname, hostname = libc.sethostname, root.hostname.encode()
    flags = _CLONE_NEWNS | _CLONE_NEWUTS
    identity: tuple[tuple[str, bytes], ...] = ()
    if root.privilege is Privilege.USER_NAMESPACE:
        flags |= _CLONE_NEWUSER
        user, group = os.geteuid(), os.getegid()
        identity = (
            ("/proc/self/setgroups", b"deny"),
            ("/proc/self/uid_map", f"{user} {user} 1".encode()),
            ("/proc/self/gid_map", f"{group} {group} 1".encode()),
        )
    folders = [new + os.fsencode(one.path) for one in root.entries if one.is_folder]
    links = [(one.target, new + os.fsencode(one.path)) for one in root.entries if one.target]
    files = [new + os.fsencode(one.path) for one in root.entries if not one.is_folder and not one.target]
    world = [(os.fsencode(source), new + os.fsencode(point)) for source, point in root.world]
    binds = [(os.fsencode(source), new + os.fsencode(point)) for source, point in root.binds]

    def enter() -> None:
        _check(unshare(flags), b"unshare")
        for file, content in identity:
            descriptor = os.open(file, os.O_WRONLY)
            os.write(descriptor, content)
            os.close(descriptor)
        _check(mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), b"make mounts private")
        _check(mount(b"root", new, b"tmpfs", 0, b"mode=0755"), b"mount " + new)
        for path in folders:
            os.mkdir(path)  # noqa: PTH102 - nothing but the system call
        for target, path in links:
            os.symlink(target, path)  # noqa: PTH211 - the same
        for path in files:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        for source, point in world:
            mount(source, point, None, _MS_BIND | _MS_REC, None)
        for source, point in binds:
            _check(mount(source, point, None, _MS_BIND | _MS_REC, None), b"mount " + point)
        _check(sethostname(hostname, len(hostname)), b"name the host")
        os.chdir(new)
        _check(syscall(pivot_root, b".", b"."), b"change the root")
        _check(umount2(b".", _MNT_DETACH), b"leave the root of the host")
        os.chdir(cwd)

    return enter


def _check(result: int, what: bytes) -> None:
    if result != 0:
        number = ctypes.get_errno()
        why = os.strerror(number).encode()
        os.write(2, b"cannot give the container its root: " + what + b": " + why + b"\n")
        raise OSError(number, os.strerror(number))
