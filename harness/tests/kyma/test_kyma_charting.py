"""A kustomization, or a file of YAML, becomes a chart that renders to the same objects."""

import pytest
import yaml
from lamp import write_lamp

from kubeloop import goyaml
from kyma_harness.host.process import run
from kyma_harness.kyma.charting import charted
from kyma_harness.kyma.contract import parse_objects
from kyma_harness.kyma.errors import ModuleError
from kyma_harness.kyma.module import Module

BRACES = "see {{ .Values.nothing }} and {{`raw`}} and }} alone"


@pytest.fixture
def module(tmp_path):
    """A Lamp of which the chart may be something else."""

    def make(chart):
        (folder := tmp_path / "module").mkdir(exist_ok=True)
        write_lamp(folder)
        file = folder / "module.yaml"
        described = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**described, "chart": str(chart)}))
        return Module.load(file)

    return make


@pytest.fixture
def kustomization(tmp_path):
    """A kustomization with two definitions, a ConfigMap that has braces in it, and a Deployment."""
    (folder := tmp_path / "config").mkdir()
    objects = [
        definition("lamps"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "docs"}, "data": {"text": BRACES}},
        definition("shades"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "docs:more"}, "data": {"on": "yes"}},
    ]
    (folder / "all.yaml").write_text(goyaml.dump_all(objects))
    (folder / "kustomization.yaml").write_text("namespace: lamps\nresources: [all.yaml]\n")
    return folder


def definition(plural):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
    }


async def made(module, tools, tmp_path):
    return await charted(module, kubectl=tools.folder / "kubectl", cache=tmp_path / "cache")


async def rendered(chart, tools):
    done = await run([tools.folder / "helm", "template", "lamp", chart, "--include-crds"], timeout=60)
    return parse_objects(done.stdout, "chart")


def by_name(objects):
    return {one["metadata"]["name"]: one for one in objects}


async def test_the_chart_of_a_kustomization_renders_to_what_it_builds(module, kustomization, tools, tmp_path):
    built = await run([tools.folder / "kubectl", "kustomize", kustomization], timeout=60)

    result = await made(module(kustomization), tools, tmp_path)

    objects = by_name(await rendered(result.chart, tools))
    assert objects == by_name(parse_objects(built.stdout, "kustomization"))
    assert objects["docs"]["data"]["text"] == BRACES


async def test_all_definitions_are_in_one_file_of_crds(module, kustomization, tools, tmp_path):
    result = await made(module(kustomization), tools, tmp_path)

    (file,) = (result.chart / "crds").iterdir()
    assert [one["metadata"]["name"] for one in goyaml.load_all(file.read_text())] == [
        "lamps.example.com",
        "shades.example.com",
    ]


async def test_a_file_of_yaml_becomes_a_chart_too(module, kustomization, tools, tmp_path):
    result = await made(module(kustomization / "all.yaml"), tools, tmp_path)

    assert set(by_name(await rendered(result.chart, tools))) == {
        "lamps.example.com",
        "shades.example.com",
        "docs",
        "docs:more",
    }
    assert yaml.safe_load((result.chart / "Chart.yaml").read_text())["version"] == result.version


async def test_the_same_objects_are_the_same_chart_and_others_another(module, kustomization, tools, tmp_path):
    first = await made(module(kustomization), tools, tmp_path)
    again = await made(module(kustomization), tools, tmp_path)
    (kustomization / "kustomization.yaml").write_text("namespace: shades\nresources: [all.yaml]\n")
    other = await made(module(kustomization), tools, tmp_path)

    assert first.chart == again.chart != other.chart
    assert sorted(folder for folder in (tmp_path / "cache" / "charts").iterdir()) == sorted(
        {first.chart, other.chart}
    )


async def test_a_chart_stays_what_it_is(module, tools, tmp_path):
    lamp = module("chart")

    assert await made(lamp, tools, tmp_path) is lamp
    assert not (tmp_path / "cache").exists()


async def test_a_folder_that_is_neither_is_refused(module, tools, tmp_path):
    (empty := tmp_path / "empty").mkdir()

    with pytest.raises(ModuleError, match=r"module \S+: \S+/empty is no chart .* and no kustomization: name"):
        await made(module(empty), tools, tmp_path)


async def test_what_does_not_build_is_told_in_its_own_words(module, kustomization, tools, tmp_path):
    (kustomization / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")

    with pytest.raises(ModuleError, match=r"(?s)config does not build: .*nowhere\.yaml"):
        await made(module(kustomization), tools, tmp_path)
