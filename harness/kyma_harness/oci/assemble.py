"""Assemble images from what this machine has: no Docker daemon, no base image, no network."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from kyma_harness.host.extras import lacking
from kyma_harness.oci.errors import AssemblyError
from kyma_harness.oci.image import Image, Process
from kyma_harness.oci.interpreter import ENVIRONMENT, interpreter, python_file, shared_libraries
from kyma_harness.oci.layer import Entry, layer, program
from kyma_harness.oci.packages import distribution_of, installed, requirements_of
from kyma_harness.oci.recipe import Assembly


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
