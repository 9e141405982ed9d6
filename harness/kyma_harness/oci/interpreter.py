"""Put the running Python interpreter into an image: program, standard library, shared libraries."""

import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

from kyma_harness.oci.bytecode import compiled
from kyma_harness.oci.layer import PROGRAM_MODE, SCRATCH_MODE, Entry, folder, link, program
from kyma_harness.oci.libraries import libraries_of

PREFIX = "/usr/local"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE_PACKAGES = f"{PREFIX}/lib/python{VERSION}/site-packages"
LIBRARIES = f"{PREFIX}/lib"
NOT_NEEDED = frozenset(
    {"__pycache__", "site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3"}
)
"""Folders of the standard library that only developers use."""
NOT_NEEDED_PREFIXES = (
    "config-",
    "ensurepip",
    "_tkinter.",
    "_test",
    "_ctypes_test.",
    "_xxtestfuzz.",
    "xxlimited",
)
ENVIRONMENT = {
    "PATH": f"{PREFIX}/bin:/usr/bin:/bin",
    "LD_LIBRARY_PATH": LIBRARIES,
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_USERS = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
_GROUPS = "root:x:0:\nnonroot:x:65532:\n"


def interpreter() -> list[Entry]:
    """Return everything that a program in Python needs but its packages and shared libraries."""
    return [
        folder("/tmp", SCRATCH_MODE),  # noqa: S108 - the container's
        Entry(path="/etc/passwd", content=_USERS.encode()),
        Entry(path="/etc/group", content=_GROUPS.encode()),
        program(f"{PREFIX}/bin/python{VERSION}", Path(sys.executable).resolve()),
        link(f"{PREFIX}/bin/python", f"python{VERSION}"),
        # pyhelm3 starts helm through a shell.
        program("/bin/sh", Path("/bin/sh").resolve()),
        *_standard_library(),
    ]


async def shared_libraries(entries: Sequence[Entry]) -> list[Entry]:
    """Return the libraries of the programs and modules among some entries, and the loader that finds them."""
    files = [entry.content for entry in entries if entry.mode == PROGRAM_MODE]
    found = await libraries_of(path for path in files if isinstance(path, Path))
    return [
        program(name if name.startswith("/") else f"{LIBRARIES}/{name}", path) for name, path in found.items()
    ]


def python_file(source: Path, path: str) -> Iterator[Entry]:
    """Yield a file of a package, with its byte code where it has some."""
    yield Entry(path=path, content=source, mode=PROGRAM_MODE if source.suffix == ".so" else 0o644)
    if source.suffix == ".py":
        try:
            yield compiled(source, path)
        except (SyntaxError, ValueError):
            return  # templates and examples that are no modules


def _standard_library() -> Iterator[Entry]:
    root = Path(sysconfig.get_path("stdlib"))
    for source in sorted(root.rglob("*")):
        inside = source.relative_to(root)
        if source.is_file() and not _is_left_out(inside):
            yield from python_file(source, f"{PREFIX}/lib/python{VERSION}/{inside.as_posix()}")


def _is_left_out(inside: Path) -> bool:
    return any(part in NOT_NEEDED or part.startswith(NOT_NEEDED_PREFIXES) for part in inside.parts)
