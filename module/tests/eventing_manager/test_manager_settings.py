"""The command line is read once, and what makes no sense in it is named."""

import tomllib
from pathlib import Path

import pytest

import eventing_manager
from eventing_manager.errors import SettingsError
from eventing_manager.settings import parse_settings

ROOT = Path(__file__).parents[3]


def parsed(*arguments, environment=None, chart=ROOT / "module-chart", helm="/bin/sh"):
    return parse_settings([f"--chart={chart}", f"--helm={helm}", *arguments], environment or {})


def test_without_arguments_it_serves_kyma_system_and_asks_nats_by_name():
    settings = parsed()

    assert settings.backend.namespace == "kyma-system"
    assert settings.backend.nats_monitoring_url == "http://eventing-nats.kyma-system.svc:8222"
    assert settings.backend.nats_server_url.format(ordinal=2) == (
        "http://eventing-nats-2.eventing-nats-headless.kyma-system.svc:8222"
    )
    assert (settings.metrics_address, settings.probes_address) == (":8080", ":8081")
    assert not settings.leader_elect
    assert not settings.deprovision_on_shutdown


def test_nats_is_asked_elsewhere_where_its_names_do_not_resolve():
    settings = parsed(
        "--nats-monitoring-url=http://127.0.0.1:8220", "--nats-server-url=http://127.0.0.1:822{ordinal}"
    )

    assert settings.backend.nats_monitoring_url == "http://127.0.0.1:8220"
    assert settings.backend.nats_server_url == "http://127.0.0.1:822{ordinal}"


def test_an_address_that_leads_to_one_of_several_servers_only_is_refused():
    with pytest.raises(SettingsError, match=r"write \{ordinal\} where the servers' addresses differ"):
        parsed("--nats-server-url=http://127.0.0.1:8220")


def test_the_pod_tells_its_name_and_namespace():
    settings = parsed("--leader-elect", environment={"POD_NAME": "p", "POD_NAMESPACE": "n"})

    assert settings.identity == "p"
    assert settings.backend.namespace == "n"
    assert settings.leader_elect


def test_an_address_without_a_port_is_refused():
    with pytest.raises(SettingsError, match="'localhost' is not an address"):
        parsed("--metrics-bind-address=localhost")


def test_a_missing_helm_is_named():
    with pytest.raises(SettingsError, match="there is no helm at '/nowhere/helm'"):
        parsed(helm="/nowhere/helm")


def test_a_missing_chart_is_named(tmp_path):
    with pytest.raises(SettingsError, match=str(tmp_path)):
        parsed(chart=tmp_path)


def test_the_manager_has_the_version_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert eventing_manager.__version__ == project["tool"]["distributions"]["version"]


def test_helm_and_chart_are_found_where_those_who_work_on_the_module_have_them(tmp_path, monkeypatch):
    kept = tmp_path / "kyma-harness" / "tools" / "helm-4.3.1-abc" / "helm"
    kept.parent.mkdir(parents=True)
    kept.write_text("#!/bin/sh\n")
    kept.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")

    settings = parse_settings([], {})

    assert settings.backend.helm == str(kept)
    assert settings.backend.chart == ROOT / "module-chart"


@pytest.mark.parametrize(
    ("text", "namespaces"),
    [("", ()), ("a", ("a",)), (" a, b-c ,", ("a", "b-c"))],
)
def test_the_namespaces_that_are_served_are_named_with_commas_between(text, namespaces):
    assert parsed(f"--serve-namespaces={text}").backend.serve_namespaces == namespaces


@pytest.mark.parametrize("text", ["A", "a/b", "a b", "-a", "a" * 64])
def test_what_cannot_be_a_namespace_is_refused(text):
    with pytest.raises(SettingsError, match="--serve-namespaces"):
        parsed(f"--serve-namespaces={text}")


@pytest.mark.parametrize("argument", ["--shutdown-timeout", "--hand-over-delay"])
@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_times_that_make_no_sense_are_refused(argument, seconds):
    with pytest.raises(SettingsError, match=argument):
        parsed(f"{argument}={seconds}")


def test_what_pods_may_bear_is_set_by_keys_and_domains():
    allowed = parsed("--pod-labels=example.com/,tier", "--pod-annotations=").backend.pod_metadata

    assert list(allowed.refusals(["tier", "a.example.com/b"], ["note"])) == []
    assert len(list(allowed.refusals(["team"], ["prometheus.io/scrape"]))) == 2
