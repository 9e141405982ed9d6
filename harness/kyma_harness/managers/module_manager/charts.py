"""Turn an install into Kubernetes objects: its chart's definitions, and what helm renders (contract 2.4)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeloop.resource import Object
from kyma_harness.host.errors import CommandError
from kyma_harness.host.process import run
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.errors import KymaError

DEFAULT_NAMESPACE = "default"
RENDER_TIMEOUT = 60.0
"""Seconds."""
PLAIN_WORDS = ("true", "false", "null")
PLAIN_NUMBER = re.compile(r"0|-?[1-9]\d*")


class ChartError(KymaError):
    """Report a chart, or another layer, that cannot be turned into objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """One chart of a Manifest, unpacked, with its settings."""

    name: str
    chart: Path
    client_config: Mapping[str, str]
    """Settings of the release, of which Namespace counts."""
    overrides: str = ""
    """Values, as helm's ``--set`` takes them."""

    @property
    def namespace(self) -> str:
        """Where objects go that name no namespace."""
        return self.client_config.get("Namespace", DEFAULT_NAMESPACE)

    @property
    def creates_namespace(self) -> bool:
        """Whether that namespace is made, too."""
        return self.client_config.get("CreateNamespace", "").lower() == "true"

    def info(self) -> Object:
        """Return what the Manifest's condition says of it."""
        return {
            "chartName": self.name,
            "clientConfig": _compact(dict(self.client_config)),
            "overrides": _compact(_values(self.overrides)),
        }


def configured(name: str, chart: Path, entries: list[Object]) -> Install:
    """Make an install with the settings that the config layer has for its name."""
    entry = next((entry for entry in entries if entry.get("name") == name), {})
    return Install(
        name=name,
        chart=chart,
        client_config=_pairs(entry.get("clientConfig", "")),
        overrides=entry.get("overrides", ""),
    )


class Renderer:
    """Turn unpacked layers into objects; the same install is rendered once."""

    def __init__(self, *, helm: str, kubectl: str) -> None:
        self._helm = helm
        self._kubectl = kubectl
        self._known: dict[tuple[str, str, str], list[Object]] = {}

    async def render(self, install: Install) -> list[Object]:
        """Return the objects of a chart, of a kustomization, or of a single file of YAML (contract 3.3).

        A chart is rendered without hooks and release, and with the cluster's own capabilities. The cluster
        has to serve every kind in it, so what lies in ``crds/`` comes first.
        """
        key = (str(install.chart), install.namespace, install.overrides)
        if key not in self._known:
            self._known[key] = parse_objects(await self._text(install), f"chart {install.name}")
        return self._known[key]

    async def _text(self, install: Install) -> str:
        match sorted(path.name for path in install.chart.iterdir()):
            case [only] if only.endswith((".yaml", ".yml")):
                return (install.chart / only).read_text(encoding="utf-8")
            case names if "kustomization.yaml" in names and "Chart.yaml" not in names:
                argv = [self._kubectl, "kustomize", str(install.chart)]
            case _:
                argv = self._template(install)
        try:
            return (await run(argv, timeout=RENDER_TIMEOUT)).stdout
        except CommandError as error:
            raise ChartError(f"{install.name} does not render: {_sentence(error)}") from error

    def _template(self, install: Install) -> list[str]:
        return [
            *(self._helm, "template", install.name, str(install.chart)),
            *("--namespace", install.namespace, "--no-hooks", "--is-upgrade", "--dry-run=server"),
            *(("--set", install.overrides) if install.overrides else ()),
        ]


def _sentence(error: CommandError) -> str:
    """Return what helm or kubectl says is wrong, without what it was called with."""
    lines = [line.strip() for line in error.output.splitlines() if not line.startswith("Use --debug ")]
    begins = next((at for at, line in enumerate(lines) if line.startswith(("Error: ", "error: "))), None)
    if begins is None:
        return str(error)
    return " ".join(filter(None, lines[begins:])).partition(": ")[2]


def _compact(value: Mapping[str, Any]) -> str:
    """Write JSON as Go does."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _values(text: str) -> dict[str, Any]:
    """Read overrides as helm's ``--set`` does: dots nest, numbers and booleans are what they look like."""
    values: dict[str, Any] = {}
    for path, value in _pairs(text).items():
        *parents, last = path.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        is_plain = value in PLAIN_WORDS or PLAIN_NUMBER.fullmatch(value)
        inner[last] = json.loads(value) if is_plain else value
    return values


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}
