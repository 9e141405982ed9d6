"""module.yaml is read once, and refused with sentences."""

from pathlib import Path

import pytest
import yaml

from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module

WHOLE = {
    "name": "example.com/module/lamp",
    "version": "1.2.3",
    "channel": "fast",
    "chart": "chart",
    "config": "config.yaml",
    "defaultCR": "lamp.yaml",
    "manager": {"namespace": "lamps", "deployment": "lamp-manager"},
}


def write_module(folder: Path, **changes: object) -> Path:
    """Write a module's folder; a change to None takes the key away."""
    (folder / "chart").mkdir()
    (folder / "config.yaml").write_text("configs: []\n")
    (folder / "lamp.yaml").write_text("apiVersion: example.com/v1\nkind: Lamp\nmetadata: {name: a}\n")
    content = {key: value for key, value in {**WHOLE, **changes}.items() if value is not None}
    path = folder / "module.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_module_is_what_its_file_says_with_defaults_for_the_rest(tmp_path: Path):
    path = write_module(tmp_path)

    module = Module.load(path)

    assert module.short_name == "lamp"
    assert (module.version, module.channel) == ("1.2.3", "fast")
    assert (module.target, module.provider, module.manager.container) == (
        "control-plane",
        "internal",
        "manager",
    )
    assert module.chart == tmp_path / "chart"
    assert module.default_cr["kind"] == "Lamp"
    assert module.rules is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"channel": "stable"}, "channel: 'stable' is not allowed; allowed are alpha, fast, regular"),
        ({"version": "v1"}, "version: 'v1' is not of the form"),
        ({"name": "Lamp"}, "for example kyma.project.io/module/eventing"),
        ({"chart": None}, "'chart' is a required property"),
        ({"colour": "red"}, "('colour' was unexpected); known are name, version"),
        ({"manager": {"namespace": "lamps"}}, "manager: 'deployment' is a required property"),
        ({"config": "absent.yaml"}, "absent.yaml does not exist; paths are relative to module.yaml"),
        ({"defaultCR": "config.yaml"}, "the default CR has no apiVersion and no kind"),
    ],
)
def test_a_wrong_value_is_named_with_its_path_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, object], sentence: str
):
    path = write_module(tmp_path, **changes)

    with pytest.raises(ModuleError) as refused:
        Module.load(path)

    assert sentence in str(refused.value)


def test_every_wrong_value_is_named_at_once(tmp_path: Path):
    path = write_module(tmp_path, channel="stable", version="v1")

    with pytest.raises(ModuleError, match=r"(?s)channel: .*version: "):
        Module.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ModuleError, match=r"absent\.yaml does not exist"):
        Module.load(tmp_path / "absent.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path):
    path = tmp_path / "module.yaml"
    path.write_text("- one\n")

    with pytest.raises(ModuleError, match="holds list, not a mapping"):
        Module.load(path)
