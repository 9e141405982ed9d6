"""`kyma-harness check` judges a module without a cluster, by its exit code and in sentences."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lamp import write_lamp

from kyma_harness.cli import commands, example


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools):
    """Run the command on a module; returns what it printed."""
    monkeypatch.setenv("KYMA_HARNESS_STATE", str(tmp_path / "state"))

    def call(module: Path) -> Result:
        return CliRunner().invoke(commands, ["--module", str(module), "--tools", str(tools.folder), "check"])

    return call


def test_a_module_without_problems_passes(check):
    done = check(example.LAMP / "module.yaml")

    assert (done.exit_code, done.stdout) == (0, "")


def test_what_has_to_be_mended_makes_it_fail_and_the_rest_is_told_beside_it(check, tmp_path: Path):
    module = write_lamp(tmp_path / "lamp")
    (module.chart / "templates" / "namespace.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: lamps}\n"
    )

    done = check(tmp_path / "lamp" / "module.yaml")

    assert done.exit_code != 0
    assert "- the chart brings Namespace lamps" in done.stdout
    assert "✗ the chart has no Deployment lamps/lamp-manager" in done.stdout


def test_a_default_against_its_crd_is_told(check, tmp_path: Path):
    module = write_lamp(tmp_path / "lamp")
    (module.chart / "crds" / "lamp.yaml").write_text(
        (module.chart / "crds" / "lamp.yaml")
        .read_text()
        .replace(
            "{type: object, x-kubernetes-preserve-unknown-fields: true}",
            "{type: object, properties: {spec: {type: object, properties: {watts: {type: string}}}}}",
        )
    )

    done = check(tmp_path / "lamp" / "module.yaml")

    assert "spec.watts: 60 is not of type 'string'" in done.stdout
