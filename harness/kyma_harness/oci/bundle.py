"""Turn a module into what an OCI registry holds of it: layers, component descriptor, manifest.

The shapes are those of contract section 3: two layers with content, the chart and the config, and the
envelope that ``kyma alpha create module`` puts around them.
"""

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kyma_harness.kyma.errors import BundleError
from kyma_harness.kyma.module import Module
from kyma_harness.oci.check import chart_problems

GZIP_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
"""Deflate, no flags and so no file name, mtime 0, no compression level, unknown operating system."""
STORED_BLOCK = 0xFFFF
"""The most bytes one stored deflate block holds (RFC 1951, 3.2.4)."""


def pack_folder(folder: Path) -> bytes:
    """Pack a folder's files with the folder itself as root, as module-manager unpacks them (contract 3.3).

    Directories come before what is in them, everything is sorted by its path, belongs to nobody and has
    no time. Hidden files but ``.helmignore``, editors' backups and byte code are left out; anything but
    a file or a folder is a :class:`BundleError`.
    """
    return gzip(tar(_members(folder)))


def tar(members: Iterator[tuple[str, bytes | None]]) -> bytes:
    """Write ``(path, content)`` members in their order; no content makes a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                info.mode, info.size = 0o644, len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def gzip(data: bytes) -> bytes:
    """Wrap data into a gzip member of stored blocks: the same bytes with every zlib."""
    starts = range(0, len(data), STORED_BLOCK) or (0,)
    stored = b"".join(
        _stored(data[start : start + STORED_BLOCK], final=start == starts[-1]) for start in starts
    )
    return GZIP_HEADER + stored + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _stored(block: bytes, *, final: bool) -> bytes:
    return struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block


def _members(folder: Path) -> Iterator[tuple[str, bytes | None]]:
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        name = path.relative_to(folder)
        if any(_is_left_out(part) for part in name.parts):
            continue
        if ":" in str(name):
            raise BundleError(f"{path}: module-manager refuses names with a colon; rename the file")
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(f"{path} is neither a file nor a folder; module-manager unpacks nothing else")
        yield name.as_posix(), None if path.is_dir() else path.read_bytes()


def _is_left_out(part: str) -> bool:
    hidden = part.startswith(".") and part != ".helmignore"
    return hidden or part.endswith("~") or part == "__pycache__"


REPOSITORY_PREFIX = "component-descriptors"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.gardener.cloud.cnudie.component.config.v1+json"
DESCRIPTOR_TYPE = "application/vnd.gardener.cloud.cnudie.component-descriptor.v2+yaml+tar"
CHART_TYPE = "application/gzip"
RAW_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes and their media type; the digest names them in a registry."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """``sha256:`` and the hexadecimal digest of the content."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def reference(self) -> dict[str, Any]:
        """Point to this blob as OCI does: media type, digest, size."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A packed module; nothing in it depends on the registry it will lie in."""

    module: Module
    chart: Blob
    config: Blob

    @property
    def repository(self) -> str:
        """The repository's name below the registry's prefix."""
        return f"{REPOSITORY_PREFIX}/{self.module.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A bundle as one registry holds it; its descriptor names that registry."""

    repository: str
    tag: str
    blobs: tuple[Blob, ...]
    manifest: Blob


def pack(module: Module) -> Bundle:
    """Pack chart and config; the same files give the same bytes on every machine and at every time."""
    _check_chart(module)
    return Bundle(
        module=module,
        chart=Blob(media_type=CHART_TYPE, content=pack_folder(module.chart)),
        config=Blob(media_type=RAW_TYPE, content=module.config.read_bytes()),
    )


def descriptor(bundle: Bundle, base_url: str) -> dict[str, Any]:
    """Describe the component as OCM v2, with ``base_url`` (no scheme) as where its blobs are pulled from."""
    module = bundle.module
    return {
        "component": {
            "componentReferences": [],
            "name": module.name,
            "provider": module.provider,
            "repositoryContexts": [
                {"baseUrl": base_url, "componentNameMapping": "urlPath", "type": "ociRegistry"},
            ],
            "resources": [
                _resource(module.short_name, "helm-chart", bundle.chart, module.version),
                _resource("config", "yaml", bundle.config, module.version),
            ],
            "sources": [],
            "version": module.version,
        },
        "meta": {"schemaVersion": "v2"},
    }


def artifact(bundle: Bundle, base_url: str) -> Artifact:
    """Wrap a bundle for a registry: descriptor layer, config blob and image manifest around the layers."""
    described = _json(descriptor(bundle, base_url))
    layer = Blob(
        media_type=DESCRIPTOR_TYPE,
        content=tar(iter([("component-descriptor.yaml", described)])),
    )
    config = Blob(media_type=CONFIG_TYPE, content=_json({"componentDescriptorLayer": layer.reference()}))
    layers = (layer, bundle.chart, bundle.config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.reference(),
        "layers": [blob.reference() for blob in layers],
    }
    return Artifact(
        repository=bundle.repository,
        tag=bundle.module.version,
        blobs=(config, *layers),
        manifest=Blob(media_type=MANIFEST_TYPE, content=_json(manifest)),
    )


def _resource(name: str, kind: str, blob: Blob, version: str) -> dict[str, Any]:
    return {
        "access": {"digest": blob.digest, "type": "localOciBlob"},
        "name": name,
        "relation": "local",
        "type": kind,
        "version": version,
    }


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _check_chart(module: Module) -> None:
    """Refuse what module-manager cannot install, or cannot take away again."""
    if problems := [problem.says for problem in chart_problems(module.chart) if problem.is_fatal]:
        raise BundleError("\n".join(problems))
