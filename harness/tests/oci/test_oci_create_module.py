"""A bundle is what the Kyma CLI of December 2022 makes of the same module, but for what is named here."""

import json
from pathlib import Path
from typing import Any

import yaml

from kyma_harness.cli import example
from kyma_harness.kyma.module import Module
from kyma_harness.oci.bundle import Bundle, artifact, descriptor, pack
from kyma_harness.oci.template import template_objects

RECORDED = Path(__file__).parent / "create-module"
LAMP = example.LAMP / "module.yaml"
REGISTRY = "localhost:5077/unsigned"


def lamp() -> Bundle:
    return pack(Module.load(LAMP))


def recorded(name: str) -> Any:
    return yaml.safe_load((RECORDED / name).read_text())


def with_our_chart(described: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    """The CLI's chart is another one: it makes it of kustomize's output; and it names the git commit."""
    component = described["component"]
    chart, *others = component["resources"]
    chart = {**chart, "access": {**chart["access"], "digest": bundle.chart.digest}}
    return {**described, "component": {**component, "resources": [chart, *others], "sources": []}}


def test_the_descriptor_is_the_cli_s_but_for_the_git_commit():
    bundle = lamp()

    assert descriptor(bundle, REGISTRY) == with_our_chart(recorded("descriptor.json"), bundle)


def test_the_template_is_the_cli_s_but_for_its_target():
    bundle = lamp()
    theirs = recorded("template.yaml")
    theirs["spec"]["descriptor"] = with_our_chart(theirs["spec"]["descriptor"], bundle)

    *_, ours = template_objects(bundle, REGISTRY)

    assert theirs["spec"].pop("target") == "remote"
    assert ours["spec"].pop("target") == "control-plane"
    assert ours == theirs


def test_the_artifact_has_the_cli_s_layers_and_says_of_itself_that_it_is_a_manifest():
    packed = artifact(lamp(), REGISTRY)
    ours, theirs = json.loads(packed.manifest.content), recorded("manifest.json")

    assert ours.pop("mediaType") == "application/vnd.oci.image.manifest.v1+json"
    assert ours["layers"][2] == theirs["layers"][2]
    assert without_digests(ours) == without_digests(theirs)
    config = next(blob for blob in packed.blobs if blob.digest == ours["config"]["digest"])
    assert without_digests(json.loads(config.content)) == without_digests(recorded("config.json"))


def without_digests(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_digests(one) for key, one in value.items() if key not in ("digest", "size")}
    return [without_digests(one) for one in value] if isinstance(value, list) else value
