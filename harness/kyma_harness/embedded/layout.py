"""Know where the parts of a running cluster lie in its state folder."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from kyma_harness.host.descendants import remove_entries
from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import check_free, check_ours, private_folder, write_private
from kyma_harness.host.sharing import Share

PURPOSE = "cluster"
"""How a supervisor's purpose in its lock begins; whoever else holds the lock is not to be ended."""
LASTING = ("lock", "users.lock", "testbed.json")
"""What is not of one run of the cluster: locks that others may hold or wait for, and what it was made for."""

OURS = (*LASTING, "cluster.json", "kubeconfig", "pki", "etcd")
"""By what a cluster's folder is known from any other."""
ENTRIES = (
    *OURS,
    *("logs", "registry", "pods", "volumes", "down", "repairs"),
    *("k3d.yaml", "k3d-kubeconfig", "kind.yaml", "module-template.yaml", "kustomization"),
)
"""All that the folder of a cluster may have, whatever provides it; anything else there is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRecord:
    """What a running cluster tells about itself, in `cluster.json`."""

    name: str
    pid: int
    started: float
    """Unix time in seconds."""
    kubeconfig: str
    api: str
    registry: str
    """`host:port` of the OCI registry, plain HTTP."""
    tools: str
    logs: str
    node: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one cluster's state."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Return the layout of a folder that may have been given relative to the current one."""
        return cls(folder.absolute())

    def exists(self) -> bool:
        """Whether there is anything of a cluster."""
        return self.root.exists()

    def check_ours(self) -> None:
        """Raise ForeignFolderError where the folder is somebody else's."""
        check_ours(self.root, OURS, ENTRIES)

    def check_free(self) -> None:
        """Raise ForeignFolderError where a cluster in this folder would be among somebody else's things."""
        check_free(self.root, ENTRIES)

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "lock"

    @property
    def record(self) -> Path:
        """Written when the cluster is ready."""
        return self.root / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file per component."""
        return self.root / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and private keys, and the components' own kubeconfigs."""
        return self.root / "pki"

    @property
    def etcd(self) -> Path:
        """The data of etcd."""
        return self.root / "etcd"

    @property
    def registry(self) -> Path:
        """The blobs of the registry, and its configuration."""
        return self.root / "registry"

    def log(self, component: str) -> Path:
        """Return the log file of a component."""
        return self.logs / f"{component}.log"

    def down(self, component: str, purpose: str = "", timeout: float | None = None) -> FileLock:
        """Return the lock of which a component is meant to be down while somebody holds it: see faults."""
        return FileLock(self.root / "down" / component, purpose=purpose, timeout=timeout)

    def fallen(self, component: str) -> Path:
        """Return the file that exists while the supervisor keeps a component down."""
        return self.root / "down" / f"{component}.fallen"

    @property
    def repairs(self) -> Path:
        """What undoes each fault that is in force, in a file that its maker holds."""
        return self.root / "repairs"

    def supervisor_lock(self, purpose: str = "", timeout: float | None = None) -> FileLock:
        """Return the lock that tells a running cluster from a stale folder; see PURPOSE."""
        return FileLock(self.lock, purpose=purpose, timeout=timeout)

    def users(self) -> Share:
        """Return a share, not held yet: a cluster that is not detached stops when nobody holds one."""
        return Share(self.root / "users.lock")

    def create(self) -> None:
        """Make the folders, for this user alone."""
        for folder in (self.root, self.logs, self.pki, self.etcd, self.registry):
            private_folder(folder)

    def clear(self) -> None:
        """Remove what a run of the cluster has written; the caller holds the lock."""
        if self.root.exists():
            remove_entries(self.root, ENTRIES, kept=LASTING)

    def remove(self) -> None:
        """Remove all that is ours; the lock goes last, so that nobody starts in what is being removed."""
        self.clear()
        for name in reversed(LASTING):
            (self.root / name).unlink(missing_ok=True)
        with suppress(OSError):  # the next one has it, it never was, or what is not ours is in it
            self.root.rmdir()

    def write_record(self, record: ClusterRecord) -> None:
        """Tell everybody that the cluster is ready."""
        write_private(self.record, json.dumps(asdict(record), indent=2) + "\n")

    def read_record(self) -> ClusterRecord | None:
        """Return what the cluster told; None when it is not ready or was written by another version."""
        try:
            return ClusterRecord(**json.loads(self.record.read_text()))
        except (OSError, ValueError, TypeError):
            return None
