"""Make the cluster misbehave in a test, and put it right after it: see docs/reference/faults.md."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubeloop.client import Client
from kyma_harness.clusters.provider import Capability
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.faults.kit import FaultKit
from kyma_harness.host.blocking import Portal
from kyma_harness.session.setup import Testbed

SEED = "KYMA_HARNESS_SEED"
SEED_PROPERTY = "fault seed"


def a_fault_seed(item: pytest.Item) -> int:
    """Give the seed of all chance in a test: a new one, or that of $KYMA_HARNESS_SEED; a failure shows it."""
    seed = int(os.environ.get(SEED) or secrets.randbelow(10**6))
    item.add_report_section("setup", "fault seed", f"repeat with {SEED}={seed}")
    item.user_properties.append((SEED_PROPERTY, seed))
    return seed


def a_fault_kit(testbed: Testbed, client: Client, portal: Portal, folder: Path) -> Iterator[FaultKit]:
    """Give every fault that an embedded cluster knows; what a test leaves in force is undone after it."""
    if Capability.PROCESS_NODE not in testbed.provider.capabilities:
        pytest.skip(f"provider {testbed.provider.name} has no processes of this host to hit")
    cluster = EmbeddedCluster.attach(testbed.settings.cluster_state)
    if cluster is None:
        pytest.fail(f"no cluster runs at {testbed.settings.cluster_state}", pytrace=False)
    kit = FaultKit(portal, client, cluster, folder)
    try:
        yield kit
    finally:
        kit.close()
