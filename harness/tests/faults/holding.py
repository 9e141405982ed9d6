"""A process that makes a fault in a cluster, says so, and is killed within it.

It is run by itself: python holding.py STATE FAULT [ARGUMENT ...]
"""

import sys
import tempfile
import time
from pathlib import Path

from kubeloop.client import Client
from kyma_harness.embedded.cluster import EmbeddedCluster
from kyma_harness.faults.kit import FaultKit
from kyma_harness.host.blocking import Portal


def main(state, fault, *arguments):
    cluster = EmbeddedCluster.attach(Path(state))
    with Portal() as portal:
        client = portal.call(Client.from_kubeconfig(cluster.kubeconfig).__aenter__())
        kit = FaultKit(portal, client, cluster, Path(tempfile.gettempdir()))
        getattr(kit, fault)(*arguments)
        sys.stdout.write("in force\n")
        sys.stdout.flush()
        time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
