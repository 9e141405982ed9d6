"""How a container's processes find their files: where they are mounted, or by paths that are rewritten.

The first takes a mount namespace, which not every host allows: there, mount paths within a command, its
arguments and variables become the directories behind them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kyma_harness.host.errors import HarnessError
from kyma_harness.host.mount_namespace import HOST, Privilege, Root, RootOf, planned_root
from kyma_harness.host.process import run
from kyma_harness.node.folders import new_file, new_folder
from kyma_harness.node.volumes.mounts import Mounts, mount_path

_PROBE_SECONDS = 10.0
_PROBED = "/kyma-harness/probe/word"
_WORD = "mounted"


class View(Protocol):
    """What a command is to be changed by before a container can run it."""

    @property
    def mounts(self) -> Mounts:
        """What the container mounts, and where that lies on the host."""
        ...

    @property
    def root(self) -> Root | None:
        """The root that its processes get; None for the host's."""
        ...

    def rewrite(self, text: str) -> str:
        """Return a text of the container's author in which paths of the container lead to its files."""
        ...

    def path(self, path: str) -> str:
        """Return a path of the host as the container's processes find it."""
        ...


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The host's files, with mount paths rewritten to the directories behind them."""

    mounts: Mounts
    root: None = None

    def rewrite(self, text: str) -> str:
        """Replace mount paths by directories."""
        return self.mounts.rewrite(text)

    def path(self, path: str) -> str:
        """Return the path as it is."""
        return path


@dataclass(frozen=True, slots=True)
class Mounted:
    """A root of the container's own, in which its volumes are where they are mounted."""

    mounts: Mounts
    root: Root

    def rewrite(self, text: str) -> str:
        """Return the text as it is."""
        return text

    def path(self, path: str) -> str:
        """Return the path as it is, or another way to it where a volume is mounted over it."""
        is_covered = any(path == point or path.startswith(f"{point}/") for _, point in self.root.binds)
        return f"{HOST}{path}" if is_covered else path


def rewrite_all(view: View, texts: Iterable[str]) -> list[str]:
    """Rewrite every element of an argument list."""
    return [view.rewrite(text) for text in texts]


def joined(view: View, pid: int) -> RootOf | None:
    """Return what lets a hook or probe see what the container's process sees; None for the host's files."""
    if view.root is None:
        return None
    return RootOf(pid=pid, cwd=view.root.cwd, privilege=view.root.privilege)


def mounted(folder: Path, mounts: Mounts, *, cwd: str, hostname: str, privilege: Privilege) -> Mounted:
    """Plan the root of a container, which holds nothing of an earlier start, to be made at a folder."""
    root = planned_root(
        folder, mounts.directories, cwd=mount_path(cwd), hostname=hostname, privilege=privilege
    )
    return Mounted(mounts, root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounting:
    """Whether containers of this host can have a root of their own: by which privilege, or why not."""

    privilege: Privilege | None
    reason: str = ""


async def probe_mounting(scratch: Path) -> Mounting:
    """Try it: start a program that sees a file where the host has none; `scratch` is a folder to be made."""
    file, reason = new_file(scratch / "word", _WORD.encode()), ""
    for privilege in Privilege:
        mounts: Mapping[str, Path] = {_PROBED: file}
        try:
            root = planned_root(new_folder(scratch / "root"), mounts, privilege=privilege)
            seen = await run(["cat", _PROBED], timeout=_PROBE_SECONDS, root=root)
        except (HarnessError, OSError) as error:
            reason = str(error)
        else:
            if seen.stdout == _WORD:
                return Mounting(privilege=privilege)
    return Mounting(privilege=None, reason=reason)
