"""Write what an image is made of, as CycloneDX has it: Python, its packages, programs with their Go modules.

The file stands alone: module/Dockerfile runs it as a script, in a stage that has nothing else of the harness.
"""

import argparse
import base64
import hashlib
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

FOLDER: Final = "/usr/local/share/sbom"
"""Where an image has its bill of materials, under the name :func:`file_name` gives it."""

_MAGIC: Final = b"\xff Go buildinf:"
_INLINE: Final = 0b10
"""Set in the flags where version and modules stand behind the header, as they do since Go 1.18."""
_HEADER_BYTES: Final = 32
_FRAME_BYTES: Final = 16
_LONGEST_LICENSE: Final = 100
"""Some packages have the whole text in the field for the license's name."""
_CLASSIFIER: Final = "License :: OSI Approved :: "


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A Go module as a program was linked with it; ``digest`` is what go.sum has, without its ``h1:``."""

    path: str
    version: str
    digest: str = ""


def file_name(image: str) -> str:
    """Return the name of the file for an image, such as ``eventing-manager.cdx.json``."""
    return f"{image.rpartition('/')[2]}.cdx.json"


def bill_of_materials(
    image: str, version: str, *, packages: Iterable[Distribution], programs: Mapping[str, Path]
) -> bytes:
    """Return the bill of materials of an image: the same bytes for the same parts, so without a time.

    ``programs`` are files by their names. The Go modules of one are told by itself; one that is no Go program
    is listed alone.
    """
    image_itself = Component(name=image, version=version, type=ComponentType.CONTAINER, bom_ref="image")
    bom = Bom()
    bom.metadata.component = image_itself
    parts = [_interpreter(), *(_package(package) for package in packages)]
    for name, path in sorted(programs.items()):
        content = path.read_bytes()
        modules = {module.path: _module(module) for module in go_modules(content)}
        program = _program(name, content)
        bom.register_dependency(program, modules.values())
        parts += [program, *modules.values()]
    for part in parts:
        bom.components.add(part)
    top = [part for part in parts if not str(part.bom_ref.value).startswith("pkg:golang/")]
    bom.register_dependency(image_itself, top)
    return _written(bom)


def go_modules(program: bytes) -> Iterator[GoModule]:
    """Yield the modules of a Go program, its standard library first; nothing where it is none."""
    go_version, listing = _build_info(program)
    if not go_version:
        return
    yield GoModule(path="stdlib", version=go_version.split()[0].removeprefix("go"))
    lines = listing.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        kind, *fields = line.split("\t")
        if kind in {"mod", "dep"}:
            replacement = following.split("\t")
            yield _linked(replacement[1:] if replacement[0] == "=>" else fields)


def _build_info(program: bytes) -> tuple[str, str]:
    """Return the version of Go and the list of modules that its linker wrote; empty where there are none."""
    for found in re.finditer(re.escape(_MAGIC), program):
        header = program[found.start() : found.start() + _HEADER_BYTES]
        if len(header) < _HEADER_BYTES or not header[len(_MAGIC) + 1] & _INLINE:
            continue
        go_version, behind = _text(program, found.start() + _HEADER_BYTES)
        # The mark alone is in every program that looks for it in others.
        if go_version.startswith((b"go", b"devel")):
            listing, _ = _text(program, behind)
            return go_version.decode(), listing[_FRAME_BYTES:-_FRAME_BYTES].decode()
    return "", ""


def _text(program: bytes, offset: int) -> tuple[bytes, int]:
    """Read a string with its length before it, as a varint; return it, and the offset behind it."""
    length = shift = 0
    while True:
        byte = int.from_bytes(program[offset : offset + 1], "big")
        offset += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
            return program[offset : offset + length], offset + length


def _linked(fields: list[str]) -> GoModule:
    path, version, digest = [*fields, ""][:3]
    return GoModule(path=path, version=version, digest=digest.removeprefix("h1:"))


def _interpreter() -> Component:
    version = platform.python_version()
    purl = PackageURL(type="generic", name="python", version=version)
    return Component(
        name="python", version=version, type=ComponentType.PLATFORM, purl=purl, bom_ref=purl.to_string()
    )


def _package(package: Distribution) -> Component:
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    purl = PackageURL(type="pypi", name=name, version=package.version)
    return Component(
        name=name, version=package.version, purl=purl, bom_ref=purl.to_string(), licenses=_licenses(package)
    )


def _licenses(package: Distribution) -> list[License]:
    metadata = package.metadata
    classified = [text.removeprefix(_CLASSIFIER) for text in metadata.get_all("Classifier") or ()
                  if text.startswith(_CLASSIFIER)]  # fmt: skip
    for text in (metadata["License-Expression"], metadata["License"], " OR ".join(classified)):
        if text and len(text) <= _LONGEST_LICENSE and "\n" not in text:
            return [LicenseFactory().make_from_string(text)]
    return []


def _program(name: str, content: bytes) -> Component:
    digest = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(content).hexdigest())
    main = next((module for module in go_modules(content) if module.path != "stdlib"), None)
    return Component(
        name=name,
        version=main.version if main else None,
        type=ComponentType.APPLICATION,
        hashes=[digest],
        bom_ref=f"program:{name}",
    )


def _module(module: GoModule) -> Component:
    namespace, _, name = module.path.rpartition("/")
    purl = PackageURL(type="golang", namespace=namespace, name=name, version=module.version)
    digest = base64.b64decode(module.digest).hex()
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else []
    return Component(
        name=module.path, version=module.version, purl=purl, bom_ref=purl.to_string(), hashes=hashes
    )


def _written(bom: Bom) -> bytes:
    data = json.loads(JsonV1Dot6(bom).output_as_string())
    del data["metadata"]["timestamp"], data["serialNumber"]
    content = json.dumps(data, sort_keys=True)
    data["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, content).urn
    return json.dumps(data, indent=1, sort_keys=True).encode()


def main() -> None:
    """Print the bill of materials of the image that a Dockerfile builds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--packages", type=Path, required=True, metavar="DIR", help="its site-packages")
    parser.add_argument("--program", type=Path, action="append", default=[], metavar="FILE")
    given = parser.parse_args()
    found = distributions(path=[str(given.packages)])
    programs = {path.name: path for path in given.program}
    sys.stdout.buffer.write(bill_of_materials(given.image, given.version, packages=found, programs=programs))


if __name__ == "__main__":
    main()
