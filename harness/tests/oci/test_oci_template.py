"""The ModuleTemplate is what lifecycle-manager looks for, and the one in the repository is not stale."""

from pathlib import Path

import yaml
from lamp import write_lamp

from kyma_harness.kyma.module import Module
from kyma_harness.oci.bundle import descriptor, pack
from kyma_harness.oci.template import template

ROOT = Path(__file__).parents[3]
K3D = "k3d-kyma-registry.localhost:5000/unsigned"


def test_the_template_carries_the_labels_that_lifecycle_manager_selects_by(tmp_path: Path):
    bundle = pack(write_lamp(tmp_path, channel="fast"))

    namespace, found = yaml.safe_load_all(template(bundle, K3D))

    assert (namespace["kind"], namespace["metadata"]["name"]) == ("Namespace", "lamps")
    assert found["metadata"]["name"] == "moduletemplate-lamp"
    assert found["metadata"]["labels"] == {
        "operator.kyma-project.io/managed-by": "lifecycle-manager",
        "operator.kyma-project.io/controller-name": "manifest",
        "operator.kyma-project.io/module-name": "lamp",
    }
    assert (found["spec"]["channel"], found["spec"]["target"]) == ("fast", "control-plane")
    assert found["spec"]["descriptor"] == descriptor(bundle, K3D)


def test_the_template_carries_the_default_resource_unchanged(tmp_path: Path):
    module = write_lamp(tmp_path)

    *_, found = yaml.safe_load_all(template(pack(module), K3D))

    assert found["spec"]["data"] == module.default_cr


def test_the_same_module_gives_the_same_text(tmp_path: Path):
    first = template(pack(write_lamp(tmp_path / "first")), K3D)
    second = template(pack(write_lamp(tmp_path / "second")), K3D)

    assert first == second


def test_the_template_in_the_repository_is_that_of_the_module_for_k3d():
    fresh = template(pack(Module.load(ROOT / "module" / "module.yaml")), K3D)

    assert (ROOT / "module-template.yaml").read_text() == fresh, "stale: run `make template`"
