"""What this machine keeps of a cluster that runs elsewhere, and how it reaches into it."""

import shutil
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from kubeloop.client import Client
from kyma_harness.clusters.forwarding import port_forward
from kyma_harness.embedded.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterHome:
    """A cluster's name, the folder of its files, and the kubectl to reach it with."""

    cluster: str
    folder: Path
    kubectl: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; nobody else writes it."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """What was collected of attempts that failed, whose containers are gone."""
        return self.folder / "logs"

    def copy_logs(self, folder: Path) -> None:
        """Copy what attempts that failed have left, a folder each."""
        if self.logs.is_dir():
            shutil.copytree(self.logs, folder, dirs_exist_ok=True)

    def client(self) -> Client:
        """Connect as the administrator."""
        return Client.from_kubeconfig(self.kubeconfig, user_agent="kyma-harness")

    def reach(self, namespace: str, service: str, port: int) -> AbstractAsyncContextManager[str]:
        """Forward a port of this host to a Service, through the API server."""
        return port_forward(self.kubectl, self.kubeconfig, namespace, service, port)

    def remove(self) -> None:
        """Remove what is ours of the folder, if there is any; ForeignFolderError where nothing is."""
        layout = Layout(self.folder)
        layout.check_ours()
        layout.remove()
