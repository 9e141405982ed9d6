"""Read from an archive of images, as ``docker save`` or an OCI tool writes it, which images are in it."""

import json
import tarfile
from pathlib import Path
from typing import Any

from kyma_harness.clusters.errors import ArchiveError

DOCKER, OCI = "manifest.json", "index.json"
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
"""Annotations of an OCI index that name an image, the one that is a whole name first."""
MEND = "write it anew with `docker save IMAGE -o FILE`"


def names_in(archive: Path) -> list[str]:
    """Return the names of the images, such as ``nats:2.15.1-alpine``; images without one are left out.

    Raises :class:`ArchiveError` for what is no such archive, is cut off, or has no image with a name: nodes
    would take it without a word, and start no pod from it.
    """
    try:
        with tarfile.open(archive) as opened:
            found = {
                name.removeprefix("./"): json.loads(opened.extractfile(name).read())  # type: ignore[union-attr]
                for name in opened.getnames()
                if name.removeprefix("./") in (DOCKER, OCI)
            }
    except tarfile.TarError:
        raise ArchiveError(f"{archive} is no archive of images: no tar, or cut off", remedy=MEND) from None
    except (EOFError, OSError, ValueError, AttributeError) as error:
        raise ArchiveError(f"{archive} is no archive of images: {error}", remedy=MEND) from None
    if not found:
        raise ArchiveError(f"{archive} is no archive of images: it has no {DOCKER} and no {OCI}", remedy=MEND)
    names = sorted(set(_docker(found.get(DOCKER)) + _oci(found.get(OCI))))
    if not names:
        raise ArchiveError(
            f"{archive} names none of its images, so no pod could ask for one",
            remedy="save it by name, as `docker save nats:2.15.1-alpine -o FILE` does",
        )
    return names


def _docker(manifests: Any) -> list[str]:
    listed = manifests if isinstance(manifests, list) else []
    return [str(name) for one in listed if isinstance(one, dict) for name in one.get("RepoTags") or []]


def _oci(index: Any) -> list[str]:
    listed = index.get("manifests") if isinstance(index, dict) else None
    annotated = [one.get("annotations") or {} for one in listed or [] if isinstance(one, dict)]
    named = (next((one[name] for name in NAMES if one.get(name)), "") for one in annotated)
    return [str(name) for name in named if name]
