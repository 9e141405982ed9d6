"""A chart's definitions are found where Helm finds them, and become what module-manager makes of them."""

import io
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyma_harness.host.process import run
from kyma_harness.kyma.crds import definition_files, definitions_as_installed, definitions_in
from kyma_harness.kyma.errors import KymaError
from kyma_harness.toolchain.toolchain import ToolPaths


def a_definition(name: str) -> str:
    return (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: {name}.example.com}}\nspec: {{group: example.com}}\n"
    )


def write_chart(folder: Path, **files: str) -> Path:
    """Write a chart; ``__`` in a name stands for a slash, and its suffix is ``.yaml`` unless it has one."""
    files = {"Chart": f"apiVersion: v2\nname: {folder.name}\nversion: 1.0.0\n", **files}
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path if path.suffix else path.with_suffix(".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def pack(chart: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(chart, arcname=chart.name)
    return buffer.getvalue()


def names(objects: list[dict]) -> list[str]:
    return [item["metadata"]["name"].partition(".")[0] for item in objects]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with definitions in every place that Helm looks at, and in some that it does not."""
    chart = write_chart(
        tmp_path / "lamp",
        crds__lamps=a_definition("lamps"),
        crds__v1__shades=a_definition("shades"),
        **{"crds__more.json": '{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",'
           ' "metadata": {"name": "bulbs.example.com"}}', "crds__README.md": "no definition"},
        templates__crds__no=a_definition("templated"),
        charts___ignored__crds__no=a_definition("ignored"),
    )  # fmt: skip
    write_chart(chart / "charts" / "light", crds__lights=a_definition("lights"))
    write_chart(chart / "charts" / "light" / "charts" / "deep", crds__deep=a_definition("deep"))
    packed = write_chart(tmp_path / "socket", crds__sockets=a_definition("sockets"))
    (chart / "charts" / "socket-1.0.0.tgz").write_bytes(pack(packed))
    return chart


async def test_definitions_are_those_that_helm_shows(chart: Path, tools: ToolPaths):
    shown = await run([tools.folder / "helm", "show", "crds", chart], timeout=60)

    of_helm = re.findall(r'name"?: "?(\w+)\.example\.com', shown.stdout)

    assert sorted(names(definitions_in(chart))) == sorted(of_helm)
    assert set(of_helm) == {"lamps", "shades", "bulbs", "lights", "deep", "sockets"}


def test_files_are_named_by_their_place_in_the_chart(chart: Path):
    assert "charts/light/charts/deep/crds/deep.yaml" in [file.name for file in definition_files(chart)]


def test_of_several_files_module_manager_installs_the_last_definition_alone(tmp_path: Path):
    chart = write_chart(tmp_path / "lamp", crds__a=a_definition("a"), crds__b=f"---\n{a_definition('b')}")

    assert names(definitions_in(chart)) == ["a", "b"]
    assert names(definitions_as_installed(chart)) == ["b"]


def test_of_several_documents_in_one_file_it_installs_all(tmp_path: Path):
    chart = write_chart(tmp_path / "lamp", crds__all=f"{a_definition('a')}---\n{a_definition('b')}")

    assert names(definitions_as_installed(chart)) == ["a", "b"]


def test_a_chart_without_any_has_none(tmp_path: Path):
    assert definition_files(write_chart(tmp_path / "lamp")) == []
    assert definitions_as_installed(tmp_path / "lamp") == []


def test_what_cannot_be_read_is_named(tmp_path: Path):
    broken = write_chart(tmp_path / "lamp", crds__lamps="a: [")
    with pytest.raises(KymaError, match=r"crds/lamps\.yaml is not YAML: line 2"):
        definitions_in(broken)

    (broken / "charts").mkdir()
    (broken / "charts" / "light.tgz").write_bytes(b"no archive")
    with pytest.raises(KymaError, match=r"charts/light\.tgz is not a packed chart"):
        definition_files(broken)


@settings(deadline=None)
@given(st.text("akv:[]{}-\n &*!|1", max_size=40))
def test_whatever_lies_there_is_an_object_or_left_out_or_one_kind_of_error(tmp_path_factory, text: str):
    chart = write_chart(tmp_path_factory.mktemp("charts") / "lamp", crds__a=text)

    try:
        found = definitions_as_installed(chart)
    except KymaError:
        found = []

    assert all(isinstance(item["metadata"], dict) for item in found)
