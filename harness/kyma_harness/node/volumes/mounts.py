"""Let a process find its volumes: mount paths in its command and environment become directories."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Mounts:
    """The mount paths of one container and the directories (or, with subPath, files) behind them."""

    directories: Mapping[str, Path]

    def rewrite(self, text: str) -> str:
        """Replace each mount path that stands in the text as a whole path or the start of one.

        The longest mount path goes first, and nothing is replaced twice; `/data` is found in `--dir=/data/js`
        and in `file:///data`, not in `/database`, `/srv/data`, `{placeholder}/data` or `http://host/data`.
        """
        pattern = self._pattern()
        return pattern.sub(lambda found: str(self.directories[found[0]]), text) if pattern else text

    def rewrite_all(self, texts: Iterable[str]) -> list[str]:
        """Rewrite every element of an argument list."""
        return [self.rewrite(text) for text in texts]

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

    def _pattern(self) -> re.Pattern[str] | None:
        if not self.directories:
            return None
        paths = "|".join(re.escape(path) for path in self._longest_first())
        return re.compile(rf"(?:(?<=file://)|(?<![\w./~}}-]))(?:{paths})(?=/|[^\w.-]|\.?$)")

    def _longest_first(self) -> Sequence[str]:
        return sorted(self.directories, key=len, reverse=True)


def mount_path(path: str) -> str:
    """Normalize a path within a container: absolute, no trailing slash, nothing above the root."""
    return posixpath.normpath(f"/{path.lstrip('/')}")
