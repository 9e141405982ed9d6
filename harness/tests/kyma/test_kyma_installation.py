"""A config layer is read as module-manager reads it, and its ``--set`` texts as helm does."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubeloop import goyaml
from kyma_harness.host.errors import SpawnError
from kyma_harness.kyma.helm import Helm, HelmError
from kyma_harness.kyma.installation import ConfigError, check_flags, entries_of, settings_of
from kyma_harness.toolchain.toolchain import ToolPaths


@pytest.fixture
def helm(tools: ToolPaths) -> Helm:
    """The real program."""
    return Helm(tools.folder / "helm")


def an_entry(**fields: Any) -> dict[str, Any]:
    return {"name": "lamp", "clientConfig": "", "overrides": "", **fields}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("colour=red,light.watts=5,light.on=true", {"colour": "red", "light": {"watts": 5, "on": True}}),
        ("args={--a,--b},colour=red", {"args": ["--a", "--b"], "colour": "red"}),
        (r"colour=red\,green", {"colour": "red,green"}),
        ("args[0]=x", {"args": ["x"]}),
        (r"labels.app\.kubernetes\.io/name=x", {"labels": {"app.kubernetes.io/name": "x"}}),
        ("a=007,b=1e3,c=null,d=", {"a": "007", "b": "1e3", "c": None, "d": ""}),
        ("--a=x", {"--a": "x"}),
    ],
)
async def test_overrides_are_what_helm_makes_of_them(helm: Helm, text: str, values: dict[str, Any]):
    read = await settings_of("lamp", [an_entry(overrides=text)], helm, "config.yaml")

    assert read.values == values
    assert read.overrides == text


async def test_a_client_config_has_types_and_two_of_its_fields_count(helm: Helm):
    entries = [{"name": "torch"}, an_entry(clientConfig="Namespace=lamps,CreateNamespace=true,Unknown=5")]

    read = await settings_of("lamp", entries, helm, "config.yaml")

    assert (read.namespace, read.creates_namespace) == ("lamps", True)
    assert read.client_config == {"Namespace": "lamps", "CreateNamespace": True, "Unknown": 5}


async def test_a_chart_without_an_entry_goes_to_the_default_namespace(helm: Helm):
    read = await settings_of("lamp", [{"name": "torch"}], helm, "config.yaml")

    assert (read.namespace, read.creates_namespace, read.values) == ("default", False, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"configs: [\n", "config.yaml is not YAML: line 2: "),
        (b"- a\n", "config.yaml holds a list, not a mapping"),
        (b"# nothing but a comment\n", "config.yaml holds nothing, not a mapping"),
        (b"# a comment\n---\nconfigs: []\n", "config.yaml holds nothing, not a mapping"),
        (b"configs: lamp\n", "configs is a text, not a list"),
        (b"configs: {name: lamp}\n", "configs is a mapping, not a list"),
    ],
)
def test_a_layer_of_another_shape_is_refused(content: bytes, said: str):
    with pytest.raises(ConfigError) as refused:
        entries_of(content, "config.yaml")

    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"---\n", b"configs:\n", b"---\nconfigs: []\n", b"other: 1\n"])
def test_a_layer_may_say_nothing(content: bytes):
    assert entries_of(content, "config.yaml") == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("lamp", "an entry of configs is a text, not a mapping"),
        ({"name": "lamp", "overrides": ""}, "clientConfig of lamp is nothing, and has to be a text"),
        ({"name": "lamp", "clientConfig": ""}, "overrides of lamp is nothing, and has to be a text"),
        (an_entry(overrides={"colour": "red"}), "overrides of lamp is a mapping"),
    ],
)
async def test_an_entry_of_another_shape_is_refused(helm: Helm, entry: Any, said: str):
    with pytest.raises(ConfigError) as refused:
        await settings_of("lamp", [entry], helm, "config.yaml")

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("client_config", "said"),
    [
        ("Namespace=5", "unsupported flag value Namespace:5, which has to be a text"),
        ("CreateNamespace=yes", "unsupported flag value CreateNamespace:yes, which has to be true or false"),
        ("Timeout=true", "unsupported flag value Timeout:True, which has to be a number"),
    ],
)
async def test_a_flag_of_another_type_is_refused(helm: Helm, client_config: str, said: str):
    read = await settings_of("lamp", [an_entry(clientConfig=client_config)], helm, "config.yaml")

    with pytest.raises(ConfigError, match=said):
        check_flags(read)


async def test_flags_that_helm_does_not_have_are_passed_over(helm: Helm):
    read = await settings_of("lamp", [an_entry(clientConfig="Wait=true,Unknown=5")], helm, "config.yaml")

    check_flags(read)

    assert read.client_config == {"Wait": True, "Unknown": 5}


@pytest.mark.parametrize("text", ["a=red,a.b=dark", "colour", "a={x"])
async def test_a_text_that_helm_refuses_is_refused_in_its_words(helm: Helm, text: str):
    with pytest.raises(HelmError, match="failed parsing --set data"):
        await settings_of("lamp", [an_entry(overrides=text)], helm, "config.yaml")


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["lamp", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["configs", "name", "clientConfig", "overrides"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(SHAPES | st.builds(lambda entries: {"configs": entries}, st.lists(SHAPES, max_size=3)))
def test_any_shape_is_a_list_of_entries_or_a_sentence(data: Any):
    try:
        entries = entries_of(goyaml.dump(data).encode(), "config.yaml")
    except ConfigError as error:
        entries = [str(error)]

    assert isinstance(entries, list)


@settings(deadline=None)
@given(st.lists(SHAPES, max_size=3))
async def test_any_entry_is_settings_or_a_sentence(entries: list[Any]):
    unused = Helm("/nonexistent/helm")  # no text is drawn that helm would have to be asked about

    try:
        read = await settings_of("lamp", entries, unused, "config.yaml")
        said = read.namespace
    except (ConfigError, SpawnError) as error:
        said = str(error)

    assert said
