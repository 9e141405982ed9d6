"""What the built-in lifecycle-manager decides, without a cluster."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyma_harness.managers.lifecycle_manager.manifests import build_manifest, updated
from kyma_harness.managers.lifecycle_manager.status import module_entry, with_modules
from kyma_harness.managers.lifecycle_manager.templates import TemplateError, find_template, is_outdated

Object = dict[str, Any]


def a_template(
    name: str = "lamp", *, channel: str = "regular", version: str = "1.0.0", **changes: Any
) -> Object:
    """Make a template with a chart and a config layer."""
    layers = changes.get("layers", [a_layer("lamp"), a_layer("config")])
    context = {"baseUrl": "localhost:5001/unsigned", "type": "ociRegistry", "componentNameMapping": "urlPath"}
    component = {
        "name": "example.com/module/lamp",
        "version": version,
        "repositoryContexts": [context | changes.get("context", {})],
        "resources": layers,
    }
    labels = {
        "operator.kyma-project.io/module-name": "lamp",
        "operator.kyma-project.io/controller-name": changes.get("controller", "manifest"),
    }
    return {
        "metadata": {"name": name, "namespace": "kcp-system", "generation": 1, "labels": labels},
        "spec": {
            "channel": channel,
            "target": changes.get("target", "control-plane"),
            "data": {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "sample"}},
            "descriptor": {"component": component},
        },
    }


def a_described_template(described: Object) -> Object:
    template = a_template()
    template["spec"]["descriptor"] = described
    return template


def a_layer(name: str, **access: str) -> Object:
    return {"name": name, "access": access or {"type": "localOciBlob", "digest": f"sha256:{name}"}}


A_CONTEXT = {"baseUrl": "localhost:5001", "type": "ociRegistry", "componentNameMapping": "urlPath"}
NAMELESS = {"access": {"type": "localOciBlob", "digest": "sha256:lamp"}}
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["localOciBlob", "ociRegistry", "urlPath"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "version",
                    "resources",
                    "repositoryContexts",
                    "access",
                    "type",
                    "digest",
                    "baseUrl",
                    "componentNameMapping",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def a_kyma(**status: Any) -> Object:
    return {
        "metadata": {"name": "default-kyma", "namespace": "kcp-system", "uid": "1", "generation": 3},
        "spec": {"channel": "regular"},
        "status": status,
    }


@pytest.mark.parametrize(
    ("module", "kyma_channel", "found"),
    [
        ({"name": "lamp"}, "regular", "regular"),
        ({"name": "lamp"}, "fast", "fast"),
        ({"name": "lamp", "channel": "fast"}, "regular", "fast"),
        ({"name": "lamp"}, None, "regular"),
    ],
)
def test_the_module_s_channel_goes_before_the_kyma_s(module: Object, kyma_channel: str | None, found: str):
    templates = [a_template("regular"), a_template("fast", channel="fast")]

    assert find_template(templates, module, kyma_channel)["metadata"]["name"] == found


def test_the_only_template_is_taken_whatever_its_channel():
    found = find_template(
        [a_template("only", channel="fast")], {"name": "lamp", "channel": "alpha"}, "regular"
    )

    assert found["metadata"]["name"] == "only"


def test_a_controller_narrows_the_choice():
    templates = [a_template("ours", controller="ours"), a_template("theirs", controller="theirs")]

    found = find_template(templates, {"name": "lamp", "controller": "ours"}, "regular")

    assert found["metadata"]["name"] == "ours"


@pytest.mark.parametrize(
    ("templates", "sentence"),
    [
        ([], "no module template found for module: lamp"),
        (
            [a_template("b", channel="fast"), a_template("a", channel="regular")],
            "more than one module template found for module: lamp, candidates: [a b]",
        ),
    ],
)
def test_none_and_several_are_errors(templates: list[Object], sentence: str):
    with pytest.raises(TemplateError, match=re.escape(sentence)):
        find_template(templates, {"name": "lamp"}, "alpha")


@pytest.mark.parametrize(
    ("template", "outdated"),
    [
        (a_template(), False),
        (a_template() | {"metadata": {"generation": 2}}, True),
        (a_template(channel="fast", version="1.1.0"), True),
        (a_template(channel="fast", version="1.0.0"), True),
        (a_template(channel="fast", version="0.9.0"), False),
    ],
)
def test_a_module_follows_its_template_but_no_channel_downwards(template: Object, *, outdated: bool):
    info = {"generation": 1, "channel": "regular", "version": "1.0.0"}

    assert is_outdated({"templateInfo": info}, template) is outdated


def test_a_layer_named_crds_falls_into_the_config_as_in_the_original():
    template = a_template(layers=[a_layer("lamp"), a_layer("config"), a_layer("crds")])

    spec = build_manifest(a_kyma(), "lamp", template)["spec"]

    assert spec["config"]["ref"] == "sha256:crds"
    assert spec["crds"] == {"repo": "", "name": "", "ref": "", "type": ""}
    assert [install["name"] for install in spec["installs"]] == ["lamp"]


def test_a_chart_of_a_helm_repository_is_handed_on():
    access = {
        "type": "helmChartRepository",
        "helmChartRepoUrl": "https://charts.example.com",
        "helmChartName": "lamp",
        "helmChartVersion": "1.0.0",
    }

    spec = build_manifest(a_kyma(), "lamp", a_template(layers=[a_layer("lamp", **access)]))["spec"]

    assert spec["installs"][0]["source"] == {
        "type": "helm-chart",
        "url": "https://charts.example.com",
        "chartName": "lamp",
        "version": "1.0.0",
    }


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (
            a_template(context={"componentNameMapping": "sha256-digest"}),
            "error while parsing componentNameMapping sha256-digest: componentNameMapping not supported",
        ),
        (a_template(context={"type": "s3"}), "error while parsing context type s3: context type not"),
        (
            a_template(layers=[a_layer("lamp", type="s3")]),
            "could not parse descriptor: error while parsing access type s3: access type not supported",
        ),
        (a_template(layers=[{"name": "lamp"}]), "error while parsing access type : access type not"),
        (a_template(layers=["lamp"]), "component.resources.item is a text, not a mapping"),
        (a_template(layers="lamp"), "component.resources is a text, not a list"),
        (a_template(version=1), "component.version is a number, not a text"),
        (a_described_template({"component": "x"}), "descriptor.component is a text, not a mapping"),
    ],
)
def test_a_descriptor_that_cannot_be_followed_is_refused(template: Object, sentence: str):
    with pytest.raises(TemplateError, match=re.escape(sentence)):
        build_manifest(a_kyma(), "lamp", template)


@pytest.mark.parametrize(
    ("described", "names"),
    [
        ({}, None),
        ({"component": None}, None),
        ({"component": {"resources": None, "repositoryContexts": [A_CONTEXT]}}, None),
        ({"component": {"resources": [a_layer("lamp")]}}, None),
        ({"component": {"resources": [a_layer("config")], "repositoryContexts": [A_CONTEXT]}}, None),
        ({"component": {"resources": [a_layer("lamp")], "repositoryContexts": [A_CONTEXT]}}, ["lamp"]),
        ({"component": {"resources": [NAMELESS], "repositoryContexts": [A_CONTEXT]}}, [""]),
    ],
)
def test_a_descriptor_is_taken_as_loosely_as_by_the_original(described: Object, names: list[str] | None):
    template = a_described_template(described)

    manifest = build_manifest(a_kyma(), "lamp", template)
    entry = module_entry("lamp", manifest, template)

    installs = manifest["spec"]["installs"]
    assert (installs and [one["name"] for one in installs]) == names
    assert entry["templateInfo"]["version"] == ""


@settings(deadline=None)
@given(SHAPES, st.booleans())
def test_any_descriptor_is_a_manifest_or_a_sentence(described: object, within: bool):  # noqa: FBT001
    template = a_described_template({"component": described} if within else {"component": {}, "x": described})

    try:
        manifest = build_manifest(a_kyma(), "lamp", template)
        said = module_entry("lamp", manifest, template)["name"]
    except TemplateError as error:
        said = str(error)

    assert said


@pytest.mark.parametrize(
    ("installed", "offered", "outdated"),
    [("", "1.0.0", False), ("1.0.0", "", False), ("v1.0.0", "1.1", True), ("x", "1.0.0", False)],
)
def test_a_switch_of_channels_between_no_versions_changes_nothing(
    installed: str,
    offered: str,
    outdated: bool,  # noqa: FBT001
):
    info = {"generation": 1, "channel": "regular", "version": installed}

    assert is_outdated({"templateInfo": info}, a_template(channel="fast", version=offered)) is outdated


def test_an_update_leaves_what_module_manager_put_on_a_manifest():
    wanted = build_manifest(a_kyma(), "lamp", a_template())
    live = build_manifest(a_kyma(), "lamp", a_template(target="remote"))
    live["metadata"]["finalizers"] = ["operator.kyma-project.io/manifest"]
    live["metadata"]["labels"]["operator.kyma-project.io/cache-key"] = "default-kyma"

    changed = updated(live, wanted)

    assert changed["spec"] == wanted["spec"]
    assert changed["metadata"]["finalizers"] == ["operator.kyma-project.io/manifest"]
    assert changed["metadata"]["labels"]["operator.kyma-project.io/cache-key"] == "default-kyma"


def test_a_condition_is_rewritten_only_when_its_status_flips():
    manifest = build_manifest(a_kyma(), "lamp", a_template()) | {"status": {"state": "Ready"}}
    manifest["metadata"]["generation"] = 1
    entry = module_entry("lamp", manifest, a_template())
    before = with_modules(a_kyma(), [entry])
    older = {**before["conditions"][0], "observedGeneration": 1, "lastTransitionTime": "2022-12-05T19:53:13Z"}

    same = with_modules(a_kyma(conditions=[older]), [entry])
    flipped = with_modules(a_kyma(conditions=[older]), [{**entry, "state": "Error"}])

    assert same["conditions"] == [older]
    assert (flipped["conditions"][0]["status"], flipped["conditions"][0]["observedGeneration"]) == (
        "False",
        3,
    )


def test_a_manifest_without_a_state_counts_as_processing():
    manifest = build_manifest(a_kyma(), "lamp", a_template())

    assert module_entry("lamp", manifest, a_template())["state"] == "Processing"
