"""An image in memory: layers, configuration, manifest, and the archive that every runtime loads."""

import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kyma_harness.host.errors import HarnessError
from kyma_harness.host.image_names import full_name
from kyma_harness.oci.bundle import MANIFEST_TYPE, Blob


class ImageError(HarnessError):
    """Anything that goes wrong between a recipe and a running container."""


class RecipeError(ImageError):
    """A description of an image that cannot be used."""


class AssemblyError(ImageError):
    """An image that cannot be assembled on this machine."""


class PullError(ImageError):
    """An image that the nodes of the cluster cannot pull."""


CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TAG_DIGITS = 12
"""How much of the digest a tag carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """How a container of the image starts, unless its pod says otherwise."""

    entrypoint: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = "65532:65532"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a registry or a container runtime holds under one name."""

    name: str
    """The repository without a registry, such as ``eventing-manager``."""
    version: str
    layers: tuple[Blob, ...]
    process: Process

    @property
    def tag(self) -> str:
        """The version and a part of the digest, so that a node never takes an older image for this one."""
        return f"{self.version}-{self.manifest.digest.removeprefix('sha256:')[:TAG_DIGITS]}"

    @property
    def config(self) -> Blob:
        """The image's configuration, which names its layers and its process."""
        process = self.process
        content = {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {
                "User": process.user,
                "Env": [f"{name}={value}" for name, value in process.environment.items()],
                "Entrypoint": list(process.entrypoint),
                "WorkingDir": "/",
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in self.layers]},
        }
        return _json(CONFIG_TYPE, content)

    @property
    def manifest(self) -> Blob:
        """The manifest, whose digest is the image's."""
        content = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.config.reference(),
            "layers": [layer.reference() for layer in self.layers],
        }
        return _json(MANIFEST_TYPE, content)


def write_archive(image: Image, reference: str, path: Path) -> None:
    """Write an OCI layout in a tar, with the index that Docker and containerd load images by.

    ``reference`` is the name the image gets where the archive is loaded, such as ``nats:2.15.1-alpine``.
    """
    manifest, config = image.manifest, image.config
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [manifest.reference() | {"annotations": _named(reference)}],
    }
    docker = [
        {
            "Config": _blob_path(config),
            "RepoTags": [reference],
            "Layers": [_blob_path(layer) for layer in image.layers],
        }
    ]
    with tarfile.open(path, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        for blob in {blob.digest: blob for blob in (manifest, config, *image.layers)}.values():
            _add(archive, _blob_path(blob), blob.content)
        _add(archive, "index.json", json.dumps(index).encode())
        _add(archive, "manifest.json", json.dumps(docker).encode())


def _named(reference: str) -> dict[str, str]:
    return {
        "io.containerd.image.name": full_name(reference),
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }


def _blob_path(blob: Blob) -> str:
    return f"blobs/sha256/{blob.digest.removeprefix('sha256:')}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    archive.addfile(info, io.BytesIO(content))


def _json(media_type: str, content: dict[str, Any]) -> Blob:
    return Blob(media_type=media_type, content=json.dumps(content, separators=(",", ":")).encode())
