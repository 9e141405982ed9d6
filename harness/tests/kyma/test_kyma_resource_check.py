"""A default CR that its CRD does not allow is refused before anybody meets the module."""

import shutil
from pathlib import Path

import pytest
import yaml

from kubeloop.client import Client
from kubeloop.kinds import CRD
from kubeloop.resource import is_deleting
from kyma_harness.cli.example import LAMP
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module
from kyma_harness.kyma.resource_check import check_by_schema, check_on_server


def lamp(folder: Path, *, rule: str = "", **spec: object) -> Module:
    """The Lamp with another spec in its default CR, and with a rule in CEL where one is given."""
    shutil.copytree(LAMP, folder / "lamp", ignore=shutil.ignore_patterns("__pycache__"))
    default = folder / "lamp" / "default-lamp.yaml"
    resource = yaml.safe_load(default.read_text())
    default.write_text(yaml.safe_dump({**resource, "spec": {**resource["spec"], **spec}}))
    if rule:
        crd = folder / "lamp" / "chart" / "crds" / "lamps.yaml"
        definition = yaml.safe_load(crd.read_text())
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": rule, "message": "too bright"}]
        crd.write_text(yaml.safe_dump(definition))
    return Module.load(folder / "lamp" / "module.yaml")


def test_a_default_within_its_schema_passes(tmp_path: Path):
    assert check_by_schema(lamp(tmp_path)) == "the CRD's schema"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"watts": 1000}, "spec.watts: 1000 is greater than the maximum of 100"),
        ({"watts": "many"}, "spec.watts: 'many' is not of type 'integer'"),
        ({"volts": 230}, "'volts' was unexpected"),
    ],
)
def test_a_default_against_its_schema_is_refused_with_path_and_value(
    tmp_path: Path, spec: dict[str, object], said: str
):
    with pytest.raises(ModuleError) as refused:
        check_by_schema(lamp(tmp_path, **spec))

    assert said in str(refused.value)


async def test_the_server_judges_by_all_of_its_rules_and_keeps_nothing(
    embedded_cluster: EmbeddedCluster, tmp_path: Path
):
    async with Client.from_kubeconfig(embedded_cluster.kubeconfig) as client:
        said = await check_on_server(lamp(tmp_path / "good", rule="self.watts < 70"), client)
        with pytest.raises(ModuleError) as refused:
            await check_on_server(lamp(tmp_path / "bright", rule="self.watts < 70", watts=80), client)
        with pytest.raises(ModuleError) as unknown:
            await check_on_server(lamp(tmp_path / "strange", volts=230), client)

        left = [item["metadata"]["name"] for item in (await client.list(CRD)).items if not is_deleting(item)]

    assert said == f"the API server {client.server}"
    assert "too bright" in str(refused.value)
    assert "example.com/v1, Kind=Lamp): .spec.volts: field not declared" in str(unknown.value)
    assert not [name for name in left if name.startswith("lamps.check-")]
