"""Assemble images from what this machine has: no Docker daemon, no base image, no network."""

import asyncio
import importlib.metadata
import importlib.util
import io
import json
import marshal
import re
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.extras import lacking
from kyma_harness.host.process import run
from kyma_harness.oci.bundle import Blob
from kyma_harness.oci.image import AssemblyError, Image, Process
from kyma_harness.oci.recipe import Assembly

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed: the registry is near, and the bytes stay the same with every zlib."""
FOLDER_MODE, FILE_MODE, PROGRAM_MODE, SCRATCH_MODE = 0o755, 0o644, 0o755, 0o1777


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, link or folder of an image; all belong to root."""

    path: str
    """Absolute, as in the container."""
    content: Path | bytes | None = None
    """None makes a folder, or a link where there is a target."""
    target: str = ""
    """Where a symbolic link points to."""
    mode: int = FILE_MODE


def program(path: str, content: Path | bytes) -> Entry:
    """Put an executable file into the image."""
    return Entry(path=path, content=content, mode=PROGRAM_MODE)


def folder(path: str, mode: int = FOLDER_MODE) -> Entry:
    """Put a folder into the image; those on the way to a file need not be named."""
    return Entry(path=path, mode=mode)


def link(path: str, target: str) -> Entry:
    """Put a symbolic link into the image."""
    return Entry(path=path, target=target)


def layer(entries: Iterable[Entry]) -> Blob:
    """Pack entries, sorted, without times and owners; of two with the same path the later one counts."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in PurePosixPath(path).parents[:-1]:
            found.setdefault(str(parent), folder(str(parent)))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(found):
            _add(archive, found[path])
    return Blob(media_type=LAYER_TYPE, content=buffer.getvalue())


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path.lstrip("/"))
    info.mode = entry.mode
    if entry.target:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.target, 0o777
        archive.addfile(info)
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    else:
        content = entry.content.read_bytes() if isinstance(entry.content, Path) else entry.content
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


_UNCHECKED_HASH = (0b01).to_bytes(4, "little")
_HEADER_BYTES = 16


def compiled(source: Path, path: str) -> Entry:
    """Return the byte code of a module beside its source, valid whatever the source's time is (PEP 552).

    What is cached on this machine is used; whether it is up to date is told by time and size, as Python does.
    """
    text = source.read_bytes()
    code = _cached(source) or marshal.dumps(compile(text, path, "exec", dont_inherit=True))
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(text)
    where = PurePosixPath(path)
    name = PurePosixPath(importlib.util.cache_from_source(where.name)).name
    return Entry(path=str(where.parent / "__pycache__" / name), content=header + code)


def _cached(source: Path) -> bytes | None:
    try:
        cached = Path(importlib.util.cache_from_source(str(source))).read_bytes()
    except OSError:
        return None
    stat = source.stat()
    stamp = (int(stat.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    size = (stat.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    wanted = importlib.util.MAGIC_NUMBER + bytes(4) + stamp + size
    return cached[_HEADER_BYTES:] if cached[:_HEADER_BYTES] == wanted else None


TIMEOUT_SECONDS = 60.0
_RESOLVED = re.compile(r"^\s*(?:(?P<name>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$")
_MISSING = re.compile(r"^\s*(?P<name>\S+) => not found$")


async def libraries_of(files: Iterable[Path]) -> dict[str, Path]:
    """Return every library that some of these files load, by the name it is looked for under.

    The loader itself is among them, under its absolute path. Raises AssemblyError where one is missing.
    """
    wanted = sorted(files)
    try:
        done = await run(["ldd", *wanted], timeout=TIMEOUT_SECONDS, check=False)
    except (SpawnError, CommandError) as error:
        raise AssemblyError(
            f"the interpreter's shared libraries are found by ldd, which does not work here: {error}"
        ) from None
    found, missing = {}, set()
    for line in done.stdout.splitlines():
        if resolved := _RESOLVED.match(line):
            path = resolved["path"]
            found[resolved["name"] or path] = Path(path)
        elif absent := _MISSING.match(line):
            missing.add(absent["name"])
    if missing:
        raise AssemblyError(
            f"{', '.join(sorted(missing))} cannot be found, which {wanted[0].name} or a module of it loads: "
            "install the package that has it"
        )
    return found


PREFIX = "/usr/local"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE_PACKAGES = f"{PREFIX}/lib/python{VERSION}/site-packages"
LIBRARIES = f"{PREFIX}/lib"
NOT_NEEDED_OF_PYTHON = frozenset(
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
    return any(part in NOT_NEEDED_OF_PYTHON or part.startswith(NOT_NEEDED_PREFIXES) for part in inside.parts)


NOT_NEEDED = frozenset({"__pycache__", "test", "tests", "INSTALLER", "direct_url.json", "REQUESTED"})


def requirements_of(distribution: str, also: Sequence[str] = ()) -> list[str]:
    """Return the names of what a distribution needs at run time, itself left out, sorted.

    ``also`` names further distributions, which are in the answer with all that they need. What is installed
    in place, for those who work on it, is left out: an image has it as a folder.
    """
    found: dict[str, set[str]] = {}
    for name in (distribution, *also):
        _collect(name, "", found)
    needed = found.keys() - {canonicalize_name(distribution)}
    return sorted(name for name in needed if not _is_in_place(distribution_of(name)))


def installed(names: Sequence[str]) -> list[Entry]:
    """Return the files of installed distributions, without their tests and command-line scripts."""
    return [entry for name in names for entry in _files_of(name)]


def _collect(name: str, extra: str, found: dict[str, set[str]]) -> None:
    seen = found.setdefault(canonicalize_name(name), set())
    if extra in seen:
        return
    seen.add(extra)
    for text in distribution_of(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                _collect(requirement.name, wanted, found)


def _is_in_place(distribution: importlib.metadata.Distribution) -> bool:
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def _files_of(name: str) -> Iterator[Entry]:
    distribution = distribution_of(name)
    for file in distribution.files or ():
        source = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or NOT_NEEDED.intersection(file.parts) or not source.is_file():
            continue
        yield from python_file(source, f"{SITE_PACKAGES}/{file.as_posix()}")


def distribution_of(name: str) -> importlib.metadata.Distribution:
    """Return an installed distribution; raise AssemblyError where it is not."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise AssemblyError(
            f"the Python package {name} is not installed here, and the image needs it: install the project "
            "with `make`, which is what the image is assembled from"
        ) from None


async def assemble(name: str, version: str, described: Assembly, tools: Path) -> Image:
    """Make the image of a program in Python: interpreter, packages, tools and the module's own files.

    Each is a layer, those that change least first; the bill of materials goes with the last. ``tools`` is the
    folder the assembly's tools are in.
    """
    names = await asyncio.to_thread(requirements_of, described.distribution, described.also)
    packages = await asyncio.to_thread(installed, names)
    binaries = {tool: _tool(tools, tool) for tool in described.tools}
    programs = [program(f"/usr/local/bin/{tool}", binary) for tool, binary in binaries.items()]
    sbom = await asyncio.to_thread(_bill_of_materials, name, version, names, binaries)
    own = [entry for where, path in described.files.items() for entry in _tree(path, where)]
    python = await asyncio.to_thread(interpreter)
    parts = [
        python + await shared_libraries(python),
        packages + await shared_libraries(packages),
        programs,
        [sbom, *own],
    ]
    layers = [await asyncio.to_thread(layer, entries) for entries in parts if entries]
    return Image(
        name=name,
        version=version,
        layers=tuple(layers),
        process=Process(
            entrypoint=described.entrypoint,
            environment={**ENVIRONMENT, **described.environment},
            user=described.user,
        ),
    )


def of_program(name: str, version: str, binary: Path, *, path: str) -> Image:
    """Make an image of one statically linked program, which lies at ``path`` in it."""
    if not binary.is_file():
        raise AssemblyError(f"image {name}: there is no program {binary}; name the folder that has it")
    entries = [program(path, binary), Entry(path="/tmp", mode=0o1777)]  # noqa: S108 - the container's
    return Image(name=name, version=version, layers=(layer(entries),), process=Process(entrypoint=(path,)))


def _bill_of_materials(
    name: str, version: str, packages: Sequence[str], programs: Mapping[str, Path]
) -> Entry:
    try:
        from kyma_harness.oci.sbom import FOLDER, bill_of_materials, file_name  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise AssemblyError(f"image {name} cannot be assembled: {lacking(error)}") from None
    found = map(distribution_of, packages)
    content = bill_of_materials(name, version, packages=found, programs=programs)
    return Entry(path=f"{FOLDER}/{file_name(name)}", content=content)


def _tool(tools: Path, name: str) -> Path:
    path = tools / name
    if not path.is_file():
        raise AssemblyError(
            f"the image needs {name}, which is not in {tools}", remedy="run `kyma-harness tools`"
        )
    return path.resolve()


def _tree(source: Path, where: str) -> Iterator[Entry]:
    if source.is_file():
        yield from python_file(source, where)
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in inside.parts):
            yield from python_file(path, f"{where}/{inside.as_posix()}")
