"""The manager under test: a child process that is started again whenever it ends, as a Deployment would."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

from proof_cluster import ROOT
from proof_objects import NAMESPACE

from kyma_harness.host.process import spawn

GRACE = 10.0


class Manager:
    """Start, kill and restart one manager; ``name`` is its pod's, and so its identity for the lease."""

    def __init__(self, cluster, kubeconfig, *, log, name="manager-0"):
        self.name = name
        self.starts = 0
        self._cluster = cluster
        self._kubeconfig = kubeconfig
        self._log = log
        self._child = None
        self._is_killed = False
        self._log_begins = 0

    @property
    def pid(self):
        return self._child.pid

    @property
    def leads(self):
        """Whether the one that runs now has come to work."""
        return not self._is_killed and "lease is acquired" in self._log.read_text()[self._log_begins :]

    async def start(self):
        self._log_begins = len(self._log.read_text()) if self._log.exists() else 0
        self._is_killed = False
        self._child = await spawn(self._argv(), name=self.name, env=self._environment(), stdout=self._log)
        self.starts += 1

    async def ended(self):
        """Wait for the end of the one that runs now, and return its exit code."""
        return await self._child.wait()

    def kill(self):
        """Kill it where it stands, as running out of memory would."""
        self._is_killed = True
        self.signal(signal.SIGKILL)

    def signal(self, number):
        """Send any other signal, and expect it to go on leading or not."""
        self._child.signal(number)

    async def stop(self):
        """Ask it to end, and return its exit code."""
        return await self._child.terminate(GRACE)

    @asynccontextmanager
    async def kept_alive(self):
        """Start it, and again whenever it ends, while the block runs."""
        await self.start()
        keeping = asyncio.create_task(self._restart())
        try:
            yield self
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            await self.stop()

    async def _restart(self):
        while True:
            await self.ended()
            await self.start()

    def _argv(self):
        return [
            sys.executable, "-m", "eventing_manager", "--leader-elect",
            f"--helm={self._cluster.tools / 'helm'}", f"--chart={ROOT / 'module-chart'}",
            f"--nats-monitoring-url={self._cluster.monitoring}",
            "--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0",
        ]  # fmt: skip

    def _environment(self):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._log.parent),
            "PYTHONPATH": str(ROOT / "module"),
            "KUBECONFIG": str(self._kubeconfig),
            "POD_NAME": self.name,
            "POD_NAMESPACE": NAMESPACE,
        }
