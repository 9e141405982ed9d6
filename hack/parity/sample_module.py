"""Make small modules of a given one: its CRD and its custom resource, and a chart that starts nothing."""

import copy
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kubeloop import goyaml
from kyma_harness.kyma.crds import definitions_in
from kyma_harness.kyma.module import Module, Verification

NAMESPACE = "parity"
"""Where the charts' objects go."""
EMPTY_CONFIG = "configs:\n"


class Form(enum.Enum):
    """What the objects of a specimen come as."""

    CHART = enum.auto()
    KUSTOMIZATION = enum.auto()
    YAML = enum.auto()
    """A single file of objects, and nothing beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one specimen differs from the plain one."""

    suffix: str = ""
    """Makes another module of it, with a CRD of its own."""
    form: Form = Form.CHART
    version: str = "1.0.0"
    channel: str = "regular"
    has_crds: bool = True
    crds_at: str = "crds/all.yaml"
    """The file of the chart in which its definitions are."""
    crds: str = ""
    """Definitions instead of the plain one, which stands for ``{lamp}`` in them."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Further files of the chart. In all of these texts ``{slug}`` is the case's own name."""
    namespace: str = ""
    """A Namespace that the chart brings along."""
    config: str = EMPTY_CONFIG
    template: str = ""
    """A further template of the chart."""
    drops_config_map: bool = False
    resource: dict[str, Any] | None = None
    """The custom resource's spec, instead of the default one."""


class Specimens:
    """The modules of one case: nothing in them has a name that another case's has."""

    def __init__(self, base: Module, *, slug: str, folder: Path) -> None:
        self._base = base
        self._slug = slug
        self._folder = folder

    @property
    def short_name(self) -> str:
        """The plain specimen's name in a Kyma."""
        return self._base.short_name

    def make(self, recipe: Recipe) -> Module:
        """Write a specimen's chart and return the module."""
        base, name = self._base, f"{self._base.short_name}{recipe.suffix}"
        folder = self._folder / f"{name}-{recipe.version}-{recipe.channel}"
        write = self._chart if recipe.form is Form.CHART else self._objects
        config = _write(folder / "config.yaml", recipe.config)
        return replace(
            base,
            name=f"{base.name}{recipe.suffix}",
            version=recipe.version,
            channel=recipe.channel,
            target="control-plane",
            chart=write(folder / "chart", name, recipe),
            config=config,
            default_cr=self._resource(recipe),
            rules=None,
            image=None,
            switch=None,
            verification=Verification(),
        )

    def definitions(self, suffix: str = "") -> list[dict[str, Any]]:
        """Return the CRDs of a specimen, in a group of its own."""
        found = definitions_in(self._base.chart)
        for item in found:
            spec = item["spec"]
            spec["group"] = self._group(spec["group"], suffix)
            item["metadata"]["name"] = f"{spec['names']['plural']}.{spec['group']}"
        return found

    def _group(self, group: str, suffix: str) -> str:
        return f"{self._slug}{suffix}.{group}"

    def _resource(self, recipe: Recipe) -> dict[str, Any]:
        default = copy.deepcopy(dict(self._base.default_cr))
        group, _, version = default["apiVersion"].rpartition("/")
        default["apiVersion"] = f"{self._group(group, recipe.suffix)}/{version}"
        return default if recipe.resource is None else {**default, "spec": recipe.resource}

    def _chart(self, chart: Path, name: str, recipe: Recipe) -> Path:
        _write(chart / "Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: {recipe.version}\n")
        _write(chart / "values.yaml", f"colour: white\nslug: {self._slug}\n")
        if recipe.has_crds:
            lamp = goyaml.dump_all(self.definitions(recipe.suffix))
            text = self._own(recipe.crds).replace("{lamp}", lamp) if recipe.crds else lamp
            _write(chart / recipe.crds_at, text)
        if not recipe.drops_config_map:
            _write(chart / "templates" / "map.yaml", self._config_map(recipe))
        _write(chart / "templates" / "more.yaml", self._config_map(recipe, suffix="-more"))
        if recipe.namespace:
            _write(chart / "templates" / "namespace.yaml", _NAMESPACE.format(name=recipe.namespace))
        if recipe.template:
            _write(chart / "templates" / "extra.yaml", recipe.template)
        for path, text in recipe.files.items():
            _write(chart / path, self._own(text))
        return chart

    def _objects(self, folder: Path, name: str, recipe: Recipe) -> Path:
        """Write the objects of the plain chart without a chart, with a kustomization where it is one."""
        objects = goyaml.dump_all(self.definitions(recipe.suffix))
        config_map = self._config_map(recipe).replace("{{ .Values.colour }}", "white")
        _write(folder / f"{name}.yaml", f"{objects}---\n{config_map}")
        if recipe.form is Form.KUSTOMIZATION:
            _write(folder / "kustomization.yaml", f"resources: [{name}.yaml]\n")
        return folder

    def _own(self, text: str) -> str:
        return text.replace("{slug}", self._slug)

    def _config_map(self, recipe: Recipe, suffix: str = "") -> str:
        name = f"{self._slug}{recipe.suffix}{suffix}"
        namespace = f", namespace: {NAMESPACE}" if not suffix else ""
        return _CONFIG_MAP.format(name=name, namespace=namespace, version=recipe.version)


_CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}{namespace}}}
data: {{version: "{version}", colour: "{{{{ .Values.colour }}}}"}}
"""
_NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: {name}}}
"""


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path
