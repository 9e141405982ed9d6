"""Turn an install into Kubernetes objects: its chart's definitions, and what helm renders (contract 2.4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubeloop.resource import Object
from kyma_harness.host.process import run
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.crds import definitions_as_installed
from kyma_harness.kyma.helm import TIMEOUT, Helm
from kyma_harness.kyma.installation import Settings

_AS_GO_WRITES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """One chart of a Manifest, unpacked, with its settings."""

    name: str
    chart: Path
    settings: Settings

    def info(self) -> Object:
        """Return what the Manifest's condition says of it."""
        return {
            "chartName": self.name,
            "clientConfig": _compact(self.settings.client_config),
            "overrides": _compact(self.settings.values),
        }


class Renderer:
    """Turn unpacked layers into objects; the same install is rendered once."""

    def __init__(self, *, helm: Helm, kubectl: str) -> None:
        self._helm = helm
        self._kubectl = kubectl
        self._known: dict[tuple[str, str, str], list[Object]] = {}

    async def render(self, install: Install) -> list[Object]:
        """Return the objects of a chart, of a kustomization, or of a single file of YAML (contract 3.3).

        A chart is rendered without hooks and release, and with the cluster's own capabilities. The cluster
        has to serve every kind in it, so what lies in ``crds/`` comes first.
        """
        key = (str(install.chart), install.settings.namespace, install.settings.overrides)
        if key not in self._known:
            text = await self._text(install, ["--dry-run=server"])
            self._known[key] = parse_objects(text, f"chart {install.name}")
        return self._known[key]

    async def render_offline(self, install: Install) -> list[Object]:
        """Return the same where the cluster does not serve all kinds any more, or never did."""
        return parse_objects(await self._text(install, []), f"chart {install.name}")

    async def _text(self, install: Install, flags: list[str]) -> str:
        match sorted(path.name for path in install.chart.iterdir()):
            case [only] if only.endswith((".yaml", ".yml")):
                return (install.chart / only).read_text(encoding="utf-8")
            case names if "kustomization.yaml" in names and "Chart.yaml" not in names:
                return (await run([self._kubectl, "kustomize", str(install.chart)], timeout=TIMEOUT)).stdout
        return await self._helm.template(
            install.chart,
            release=install.name,
            namespace=install.settings.namespace,
            overrides=install.settings.overrides,
            flags=flags,
        )


def definitions_of(install: Install) -> list[Object]:
    """Return what is in ``crds/`` of the chart and of its sub-charts."""
    return definitions_as_installed(install.chart)


def _compact(value: Mapping[str, Any]) -> str:
    """Write JSON as Go does."""
    written = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return written.translate(_AS_GO_WRITES)
