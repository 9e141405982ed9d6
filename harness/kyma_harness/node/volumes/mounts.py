"""Let a process find its volumes: mount paths in its command and environment become directories."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# What may stand before a path that begins here and is no part of another one: nothing, or what separates
# words in a shell, in JSON or in a program. Quotes may be between, with the letters that Python has before
# them; a quote right after a word ends that, as in "$DIR"/data.
_BEGINNING = re.compile(
    r"""(?:^|[^\w./~}\-)*\]\\?+%$"'`])(?:[rbfu]{1,2}(?=\\?["']))?(?:\\?["'`])*$""", re.IGNORECASE
)
_LOCAL = ("file://", "unix://")
# What follows a mount path and belongs to the same path.
_TAIL = r"(?P<tail>(?:/[\w.@%+-]*)*)"


@dataclass(frozen=True, slots=True)
class Mounts:
    """The mount paths of one container and the directories (or, with subPath, files) behind them."""

    directories: Mapping[str, Path]

    def rewrite(self, text: str) -> str:
        """Replace each mount path that stands in the text as a whole path or the start of one.

        The longest mount path goes first, and nothing is replaced twice; `/data` is found in
        `--dir=/data/js`, `"/data"` and `file:///data`, not in `/database`, `/srv/data`, `"$DIR"/data`,
        `*/data` or `http://host/data`. A path that leaves its mount by `..` is followed; one that leads out
        of every mount stays as it is.
        """
        pattern = self._pattern()
        return pattern.sub(self._replaced, text) if pattern else text

    def host_path(self, path: str) -> Path | None:
        """Return where an absolute container path lies on the host, None if no volume is mounted there."""
        found = self.mounted_at(path)
        return found[0] / found[1] if found else None

    def mounted_at(self, path: str) -> tuple[Path, str] | None:
        """Return the directory that is mounted at a container path or above, and what lies in between."""
        wanted = PurePosixPath(mount_path(path))
        for mounted in self._longest_first():
            if wanted.is_relative_to(mounted):
                within = wanted.relative_to(mounted)
                return self.directories[mounted], "" if within == PurePosixPath() else str(within)
        return None

    def _replaced(self, found: re.Match[str]) -> str:
        mounted, tail = found["path"], found["tail"]
        if not _begins(found.string, found.start()):
            return found[0]
        if ".." in tail.split("/"):
            path = self.host_path(mounted + tail)
            return str(path) if path else found[0]
        return f"{self.directories[mounted]}{tail}"

    def _pattern(self) -> re.Pattern[str] | None:
        if not self.directories:
            return None
        paths = "|".join(re.escape(path) for path in self._longest_first())
        return re.compile(rf"(?P<path>{paths})(?=/|[^\w.-]|\.?$){_TAIL}")

    def _longest_first(self) -> Sequence[str]:
        return sorted(self.directories, key=len, reverse=True)


def mount_path(path: str) -> str:
    """Normalize a path within a container: absolute, no trailing slash, nothing above the root."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _begins(text: str, at: int) -> bool:
    return text.endswith(_LOCAL, 0, at) or _BEGINNING.search(text, 0, at) is not None
