"""A module is judged before anybody meets it: each judgement by a table, all of them with the real helm."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lamp import CRD, write_lamp

from kubeloop.resource import Object
from kyma_harness.cli.example import LAMP
from kyma_harness.kyma.helm import Helm
from kyma_harness.kyma.installation import Settings
from kyma_harness.kyma.module import Manager, Module
from kyma_harness.oci.check import (
    Problem,
    chart_problems,
    check,
    image_problems,
    manager_problems,
    object_problems,
    rule_problems,
)
from kyma_harness.toolchain.toolchain import ToolPaths

DEFAULTS = Settings(client_config={}, overrides="", values={})
OTHER_CRD = CRD.replace("lamps", "shades").replace("Lamp", "Shade")


def a_deployment(
    name: str = "lamp-manager", *, namespace: str = "lamps", image: str = "example.com/lamp:1"
) -> Object:
    containers = [{"name": "manager", "image": image}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def said(problems: list[Problem], *, fatal: bool = True) -> str:
    return "\n".join(problem.says for problem in problems if problem.is_fatal is fatal)


def with_rules(module: Module, text: str) -> Module:
    rules = module.chart.parent / "rules.yaml"
    rules.write_text(text)
    return replace(module, rules=rules)


@pytest.fixture
def lamp(tmp_path: Path) -> Module:
    """A module in a folder of its own, to be spoilt."""
    return write_lamp(tmp_path)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, ""),
        ({"Chart.yaml": None}, "has no Chart.yaml"),
        ({"Chart.yaml": "name: [\n"}, "Chart.yaml is not YAML: line 2"),
        ({"Chart.yaml": "name: lamp\n"}, "lacks a name or a version"),
        ({"crds/lamp.yaml": None}, "has no CRD in crds/"),
        ({"crds/lamp.yaml": "a: [\n"}, "crds/lamp.yaml is not YAML: line 2"),
        ({"crds/lamp.yaml": f"{CRD}---\n{OTHER_CRD}"}, ""),
        ({"crds/notes.yaml": "# nothing\n"}, ""),
        ({"crds/shade.yaml": OTHER_CRD}, "definitions in 2 files (crds/lamp.yaml, crds/shade.yaml)"),
        ({"charts/light/crds/shade.yaml": OTHER_CRD}, "(crds/lamp.yaml, charts/light/crds/shade.yaml)"),
        ({"crds/lamp.yaml": None, "crds/v1/lamp.yaml": CRD}, ""),
        (
            {"crds/lamp.yaml": "apiVersion: v1\nkind: List\nitems: []\n"},
            "holds a List, which module-manager does not take apart",
        ),
    ],
)
def test_a_chart_that_module_manager_cannot_handle_is_told(
    lamp: Module, files: dict[str, str | None], sentence: str
):
    for name, content in files.items():
        path = lamp.chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if content is None else path.write_text(content)

    found = said(list(chart_problems(lamp.chart)))

    assert sentence in found
    assert bool(found) is bool(sentence)


@pytest.mark.parametrize(
    ("item", "sentence", "fatal"),
    [
        ({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": []}, "a List of the chart", True),
        ({"apiVersion": "v1", "kind": "Job", "metadata": {"generateName": "a-"}}, "has no name", True),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lamps"}}, "Namespace lamps", False),
        (a_deployment(), "", True),
    ],
)  # fmt: skip
def test_objects_that_cannot_be_installed_or_take_much_along_are_told(
    item: Object,
    sentence: str,
    fatal: bool,  # noqa: FBT001
):
    found = said(list(object_problems([item])), fatal=fatal)

    assert sentence in found
    assert bool(found) is bool(sentence)


@pytest.mark.parametrize(
    ("manager", "sentence"),
    [
        (Manager(namespace="lamps", deployment="lamp-manager"), ""),
        (
            Manager(namespace="lamps", deployment="no-such"),
            "no Deployment lamps/no-such, which module.yaml says is the manager; its Deployments are: ",
        ),
        (Manager(namespace="default", deployment="lamp-manager"), "has no Deployment default/lamp-manager"),
        (
            Manager(namespace="lamps", deployment="lamp-manager", container="main"),
            "has no container main; name one of manager",
        ),
    ],
)
def test_a_manager_that_the_chart_does_not_have_is_told(lamp: Module, manager: Manager, sentence: str):
    module = replace(lamp, manager=manager)

    found = said(list(manager_problems([a_deployment()], module, DEFAULTS)))

    assert sentence in found
    assert bool(found) is bool(sentence)


def test_a_deployment_without_a_namespace_is_where_the_release_is(lamp: Module):
    settings = replace(DEFAULTS, client_config={"Namespace": "lamps"})
    deployment = a_deployment()
    del deployment["metadata"]["namespace"]

    assert list(manager_problems([deployment], lamp, settings)) == []


@pytest.mark.parametrize(
    ("rules", "sentence", "fatal"),
    [
        ("- {image: '*/lamp:*', command: [x]}\n", "", False),
        ("- {image: x, comand: [y]}\n", "'comand'", True),
        ("image: x\n", "expected a list of rules", True),
        ("- {image: '*kyma-project*', simulate: true}\n", "matches the image of lifecycle-m", False),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_read_or_reach_too_far_are_told(
    lamp: Module,
    rules: str,
    sentence: str,
    fatal: bool,  # noqa: FBT001
):
    found = said(list(rule_problems(with_rules(lamp, rules))), fatal=fatal)

    assert sentence in found
    assert bool(found) is bool(sentence)


def test_images_that_no_rule_knows_are_told(lamp: Module):
    module = with_rules(lamp, "- {image: 'example.com/lamp:*', command: [x]}\n")
    pods = {"initContainers": [{"image": "redis:5"}], "containers": [{"image": "example.com/lamp:2"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "clean"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": pods}}}},
    }

    (problem,) = image_problems([a_deployment(), job], module)

    assert problem.says.startswith("no rule of the module says what runs image redis:5 of CronJob clean")
    assert not problem.is_fatal


async def test_the_example_has_no_problem(tools: ToolPaths):
    assert await check(Module.load(LAMP / "module.yaml"), Helm(tools.folder / "helm")) == []


async def test_without_helm_the_chart_is_not_rendered_and_that_is_said():
    (problem,) = await check(Module.load(LAMP / "module.yaml"), None)

    assert (problem.says, problem.is_fatal) == ("the chart was not rendered: no helm is at hand", False)


def _break_the_template(lamp: Module) -> None:
    (lamp.chart / "templates" / "ui.yaml").write_text("data: {{[Scaled Objects](https://…\n")


def _break_the_config(lamp: Module) -> None:
    lamp.config.write_text("configs:\n- {name: lamp, overrides: a=b}\n")


def _break_the_overrides(lamp: Module) -> None:
    lamp.config.write_text("configs:\n- {name: lamp, clientConfig: '', overrides: 'a=b,a.c=d'}\n")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_break_the_template, "helm cannot render"),
        (_break_the_config, "config.yaml: clientConfig of lamp is nothing, and has to be a text"),
        (_break_the_overrides, "failed parsing --set data"),
        (lambda _: None, "the chart has no Deployment lamps/lamp-manager"),
    ],
)
async def test_what_only_helm_knows_is_told_too(
    lamp: Module, tools: ToolPaths, spoil: Callable[[Module], None], sentence: str
):
    spoil(lamp)

    assert sentence in said(await check(lamp, Helm(tools.folder / "helm")))
