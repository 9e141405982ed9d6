"""Faults in the one cluster of the session, each undone by its test."""

import pytest
from wholeness import until_whole

from kubeloop.client import Client
from kyma_harness.faults.kit import FaultKit


@pytest.fixture
def admin(embedded_cluster, portal):
    opened = Client.from_kubeconfig(embedded_cluster.kubeconfig, user_agent="fault-tests")
    yield portal.call(opened.__aenter__())
    portal.call(opened.__aexit__(None, None, None))


@pytest.fixture
def whole_again(admin, portal, embedded_cluster):
    """Let the cluster go to the next test only when all of it works again; to be used before `kit`."""
    yield
    until_whole(admin, portal, embedded_cluster)


@pytest.fixture
def kit(embedded_cluster, portal, admin, tmp_path):
    opened = FaultKit(portal, admin, embedded_cluster, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def proxy(kit):
    return kit.proxy()


@pytest.fixture
def client(kit, proxy, portal):
    """A client that comes through the proxy, with no rights but everybody's."""
    opened = Client.from_kubeconfig(kit.kubeconfig_through(proxy, "default", "default"), timeout=60)
    yield portal.call(opened.__aenter__())
    portal.call(opened.__aexit__(None, None, None))
