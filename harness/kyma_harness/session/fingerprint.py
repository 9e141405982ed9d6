"""What a cluster and its contents are made of: two runs with the same fingerprint may share a cluster."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.pair import LifecycleManagers
from kyma_harness.oci.bundle import pack
from kyma_harness.oci.template import template
from kyma_harness.toolchain.toolchain import ToolPaths

Fingerprint = Mapping[str, str]
"""What is compared: names, and for each a short value that changes with it."""
_LENGTH = 12
_SOURCES = ("*.py", "*.yaml", "*.json")


def fingerprint(
    *, provider: str, options: ProviderOptions, tools: ToolPaths, managers: LifecycleManagers, module: Module
) -> dict[str, str]:
    """Return the fingerprint of a run; it reads files and asks nobody."""
    return {
        "harness": f"{version('kyma-harness')} {_digest_of_sources(Path(__file__).parents[1])}",
        "provider": provider,
        **{f"option {name}": str(value) for name, value in asdict(options).items() if value is not None},
        **{f"tool {tool.name}": tool.resolve().parent.name for tool in sorted(tools.folder.iterdir())},
        "lifecycle managers": str(managers.pair),
        "lifecycle managers' manifests": _digest([json.dumps(list(managers.objects)).encode()]),
        **{f"lifecycle managers' {name}": value for name, value in managers.placeholders.items()},
        **{f"rules {file.name}": _digest([file.read_bytes()]) for file in managers.rules},
        **_of_module(module, in_containers=provider != "embedded"),
    }


def differences(was: Fingerprint, now: Fingerprint) -> list[str]:
    """Say what is not the same, a line each."""
    names = [*was, *(name for name in now if name not in was)]
    return [
        f"{name}: was {was.get(name, 'not there')}, is now {now.get(name, 'not there')}"
        for name in names
        if was.get(name) != now.get(name)
    ]


def _of_module(module: Module, *, in_containers: bool) -> dict[str, str]:
    bundle = pack(module)
    found = {
        "module": f"{module.name} {module.version}",
        "module's bundle": _digest([template(bundle, "").encode()]),
    }
    if module.rules:
        found["module's rules"] = _digest([module.rules.read_bytes()])
    if in_containers and module.image:
        found["module's image"] = _digest_of_sources(module.image.parent)
    return found


def _digest_of_sources(folder: Path) -> str:
    files = sorted(file for pattern in _SOURCES for file in folder.rglob(pattern) if _counts(file, folder))
    return _digest(part for file in files for part in (str(file).encode(), file.read_bytes()))


def _counts(file: Path, folder: Path) -> bool:
    return not {"tests", "__pycache__"} & set(file.relative_to(folder).parts)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:_LENGTH]
