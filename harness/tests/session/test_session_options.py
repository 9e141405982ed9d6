"""What may be asked of providers, where the answers come from, and what is remembered of them."""

from pathlib import Path

import pytest

from kyma_harness.clusters.errors import MismatchError
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.kyma.choices import Choice, Way
from kyma_harness.session.options import OPTIONS, AnswerError, answers, from_environment
from kyma_harness.session.record import Record
from kyma_harness.session.setup import resolve


def test_without_an_answer_everything_is_automatic():
    assert answers({}, environ={}) == {
        "provider": "auto",
        "image": Way.AUTO,
        "build_args": {},
        "options": ProviderOptions(),
    }


def test_the_command_line_comes_before_the_environment_and_that_before_the_file():
    environ = {"KYMA_HARNESS_PROVIDER": "kind", "KYMA_HARNESS_CONTEXT": "of-environment"}
    file = {"provider": "k3d", "context": "of-file", "registry": "of-file"}

    found = answers({"provider": "existing"}, lambda name: file.get(name, ""), environ)

    assert found["provider"] == "existing"
    assert found["options"].context == "of-environment"
    assert found["options"].registry == "of-file"


@pytest.mark.parametrize("name", ["provider", "image"])
def test_an_answer_that_is_none_is_refused_wherever_it_comes_from(name):
    variable = f"KYMA_HARNESS_{name.upper()}"

    with pytest.raises(AnswerError, match=rf"k8s is no {name}: \${variable}, .* one of auto"):
        answers({}, environ={variable: "k8s"})
    with pytest.raises(AnswerError, match=f"harness_{name} in pytest's configuration"):
        answers({}, {name: "k8s"}.get, environ={})


def test_arguments_of_a_build_are_pairs_with_commas_between():
    found = answers({"build_args": "PYTHON_IMAGE=here:5000/python:3@sha256:a=b,GO_IMAGE="}, environ={})

    assert found["build_args"] == {"PYTHON_IMAGE": "here:5000/python:3@sha256:a=b", "GO_IMAGE": ""}


@pytest.mark.parametrize("given", ["PYTHON_IMAGE", "=3", "A=1,,B=2"])
def test_an_argument_of_a_build_without_name_or_value_is_refused(given):
    with pytest.raises(AnswerError, match="build_args are NAME=VALUE"):
        answers({"build_args": given}, environ={})


def test_a_path_is_absolute_from_then_on():
    found = answers({"kubeconfig": "config"}, environ={})

    assert found["options"].kubeconfig == Path.cwd() / "config"


def test_no_option_of_ours_is_one_of_pytest_kind(pytestconfig):
    theirs = {"cluster_name", "keep_cluster", "kubeconfig", "kind_image", "kind_bin", "kind_kubectl_bin"}

    for name in theirs:
        pytestconfig.getoption(name)
    ours = {option.of_pytest[2:].replace("-", "_") for option in OPTIONS}
    assert ours.isdisjoint(theirs)
    for name in ours:
        pytestconfig.getoption(name)


def settings(tmp_path, **changes):
    return from_environment({}, state=tmp_path, cache=tmp_path, **changes)


def test_a_cluster_remembers_what_it_was_made_with(tmp_path):
    options = ProviderOptions(kubeconfig=tmp_path / "config", context="theirs", registry="here:5000")
    made = settings(tmp_path, provider="existing", options=options)
    Record.of(made, provider="existing", kyma="real", fingerprint={}).write(made)

    asked = settings(tmp_path)
    later = resolve(asked, Record.read(asked), usual=asked.module).settings

    assert later.provider == "existing"
    assert later.kyma is Choice.REAL
    assert later.options == options


def test_another_cluster_remembers_nothing(tmp_path):
    made = settings(tmp_path)
    Record.of(made, provider="k3d", kyma="real", fingerprint={}).write(made)

    assert Record.read(settings(tmp_path, cluster="other")) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"provider": "kind"}, "provider k3d, not kind"), ({"kyma": "builtin"}, "kyma real, not builtin")],
)
def test_a_running_cluster_is_not_taken_for_another(tmp_path, changes, said):
    now = settings(tmp_path)
    was = Record.of(now, provider="k3d", kyma="real", fingerprint={})

    with pytest.raises(MismatchError, match=f"{said}: stop it first"):
        was.check(
            Record.of(now, **({"provider": "k3d", "kyma": "real", "fingerprint": {}} | changes)), "kyma"
        )


def test_a_module_is_the_same_one_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    found = from_environment(module=Path("module.yaml"))

    assert found.module == tmp_path / "module.yaml"
