import pytest
from shared import MEETING

from kyma_harness.embedded.cluster import EmbeddedCluster


@pytest.fixture(autouse=True)
def noted(testbed) -> None:
    """Leave a trace of the cluster that a test runs on."""
    cluster = EmbeddedCluster.attach(testbed.settings.cluster_state)
    assert cluster is not None
    (MEETING / f"{cluster.pid}.cluster").touch()
    assert testbed.managers.pair == "builtin"
