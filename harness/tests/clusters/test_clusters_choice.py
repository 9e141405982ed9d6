"""Which provider "auto" is, and what is said of those that cannot run."""

import pytest
from k3d_recorder import RecordedK3d

from kyma_harness.clusters.choice import choose, probe_all, probe_existing
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.toolchain.tools import AtHand


@pytest.fixture
def on_path(monkeypatch, tmp_path):
    """Nothing but k3d is on PATH, as recorded."""
    recorded = RecordedK3d(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return recorded


@pytest.mark.usefixtures("on_path", "daemon")
async def test_auto_is_k3d_where_docker_and_k3d_answer(tmp_path):
    chosen = await choose("auto", tmp_path)

    assert chosen.provider == "k3d"
    assert chosen.reason == "k3d 5.9.0 and Docker 20.10.24 answer"


@pytest.mark.usefixtures("on_path", "no_docker")
async def test_auto_is_embedded_where_docker_does_not_answer(tmp_path):
    chosen = await choose("auto", tmp_path)

    assert chosen.provider == "embedded"
    assert "k3d cannot run here: no Docker daemon answers" in chosen.reason


@pytest.mark.usefixtures("daemon")
async def test_auto_is_embedded_where_there_is_no_k3d(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    chosen = await choose("auto", tmp_path)

    assert chosen.provider == "embedded"
    assert "there is no k3d on PATH" in chosen.reason


@pytest.mark.usefixtures("on_path", "daemon")
async def test_auto_is_embedded_where_k3d_is_too_old(tmp_path, on_path):
    on_path.reply({"version": [{"out": "k3d version v4.4.8\n"}]})

    chosen = await choose("auto", tmp_path)

    assert chosen.provider == "embedded"
    assert "4.4.8 is too old" in chosen.reason


@pytest.mark.usefixtures("no_docker")
async def test_a_provider_that_was_asked_for_is_not_judged(tmp_path):
    chosen = await choose("kind", tmp_path)

    assert (chosen.provider, chosen.reason) == ("kind", "asked for")


@pytest.mark.usefixtures("no_docker", "on_path")
async def test_every_provider_says_what_it_lacks(tmp_path):
    nothing = AtHand(found={}, missing=["etcd", "kubectl"])

    probes = {one.provider: one for one in await probe_all(ProviderOptions(), tmp_path, nothing)}

    assert set(probes) == {"embedded", "k3d", "kind", "existing"}
    assert probes["embedded"].usable
    assert not any(probes[name].usable for name in ("k3d", "kind", "existing"))
    assert "no Docker daemon answers" in probes["kind"].missing[0]
    assert "there is no kubectl" in probes["existing"].missing[0]
    assert "name a registry" in probes["existing"].missing[1]
    assert "etcd, kubectl are fetched or built" in probes["embedded"].note


async def test_an_existing_cluster_needs_a_registry_as_well(tmp_path, tools, embedded_cluster):
    options = {"kubeconfig": embedded_cluster.kubeconfig, "context": "kyma-harness-harness-tests"}
    here = AtHand(found={"kubectl": tools.folder / "kubectl"})

    without = await probe_existing(ProviderOptions(**options), tmp_path, here)
    complete = await probe_existing(ProviderOptions(**options, registry="here:5000"), tmp_path, here)

    (missing,) = without.missing
    assert "name a registry" in missing
    assert complete.note == "context kyma-harness-harness-tests and registry here:5000"
