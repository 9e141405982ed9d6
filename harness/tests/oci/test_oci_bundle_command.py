"""`kyma-harness bundle` takes what the Kyma CLI takes, and checks it before anything is pushed."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kyma_harness.cli import commands, example
from kyma_harness.kyma.errors import BundleError
from kyma_harness.oci.registry import Location
from kyma_harness.oci.release import check_template

LAMP = example.LAMP / "module.yaml"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command where no cluster runs; returns what it printed and raised."""
    monkeypatch.setenv("KYMA_HARNESS_STATE", str(tmp_path))

    def call(*words: str) -> Result:
        return CliRunner().invoke(commands, ["--module", str(LAMP), "bundle", *words])

    return call


def test_name_version_channel_and_registry_are_those_of_the_command_line(bundle):
    done = bundle(
        *("--dry-run", "--name", "example.com/module/torch", "--version", "2.0.0", "--channel", "fast"),
        *("--registry", "registry.localhost:5000/mine"),
    )

    *_, template = yaml.safe_load_all(done.stdout)
    component = template["spec"]["descriptor"]["component"]
    assert template["metadata"]["name"] == "moduletemplate-torch"
    assert template["spec"]["channel"] == "fast"
    assert (component["name"], component["version"]) == ("example.com/module/torch", "2.0.0")
    assert component["repositoryContexts"][0]["baseUrl"] == "registry.localhost:5000/mine"


def test_it_says_who_judged_the_default_cr(bundle):
    assert "default CR checked by the CRD's schema" in bundle("--dry-run").stderr


def test_the_template_goes_to_a_file_where_one_is_named(bundle, tmp_path: Path):
    done = bundle("--dry-run", "--output", str(tmp_path / "template.yaml"))

    assert done.stdout == ""
    assert "kind: ModuleTemplate" in (tmp_path / "template.yaml").read_text()


def test_what_the_command_line_says_is_held_to_the_same_rules_as_the_file(bundle):
    done = bundle("--dry-run", "--channel", "beta")

    assert done.exit_code == 1
    assert "channel: 'beta' is not allowed; allowed are alpha, fast, regular" in done.stderr


def test_plain_http_is_spoken_with_any_registry_on_demand_only():
    assert Location.parse("registry.example.com/x").schemes == ("https",)
    assert Location.parse("registry.example.com/x", insecure=True).schemes == ("https", "http")


def test_a_template_that_the_managers_could_not_use_is_refused_with_every_path(bundle):
    *_, template = yaml.safe_load_all(bundle("--dry-run").stdout)
    template["spec"]["target"] = "elsewhere"
    component = template["spec"]["descriptor"]["component"]
    component["repositoryContexts"][0]["componentNameMapping"] = "sha256-digest"
    component["resources"][0]["access"]["digest"] = "sha256:short"

    with pytest.raises(BundleError) as refused:
        check_template(yaml.safe_dump(template))

    said = str(refused.value)
    assert "spec.target: 'elsewhere' is not allowed; allowed are control-plane, remote" in said
    assert "spec.descriptor.component.repositoryContexts[0].componentNameMapping: 'sha256-digest'" in said
    assert "spec.descriptor.component.resources[0].access.digest: 'sha256:short' is not of the form" in said
