"""The place one pod lives in: its folder, its volumes, its ports."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kubeloop.logs import get_logger
from kyma_harness.host.ports import PortPool
from kyma_harness.node.addresses import Address
from kyma_harness.node.folders import new_folder, remove
from kyma_harness.node.identity.downward import PodFacts
from kyma_harness.node.rules.placeholders import HOST
from kyma_harness.node.rules.rules import Rule
from kyma_harness.node.volumes.volumes import Volumes

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """What the containers of a pod share; `ports` says where each container port is to be found."""

    facts: PodFacts
    folder: Path
    volumes: Volumes
    pool: PortPool
    ports: dict[int, Address] = field(default_factory=dict)
    simulated: set[str] = field(default_factory=set)

    def admit(self, rule: Rule, container: str) -> None:
        """Give each port the rule listens on an address, note a simulation.

        Containers of a pod share its ports as they share its network, and keep them over restarts.
        """
        for port in rule.listen:
            if port not in self.ports:
                is_own = rule.is_own(port)
                self.ports[port] = (
                    Address(self.facts.address, port) if is_own else Address(HOST, self.pool.reserve())
                )
        if rule.simulate:
            self.simulated.add(container)

    @property
    def hosts_file(self) -> Path:
        """What the pod's containers find at /etc/hosts."""
        return self.folder / "etc-hosts"

    @property
    def addresses(self) -> Mapping[str, str]:
        """The host addresses by container port, as the pod's annotation has them."""
        return {str(port): str(address) for port, address in sorted(self.ports.items())}

    def container_folder(self, container: str, what: str, *, fresh: bool = False) -> Path:
        """Return a folder of one container, emptied if asked for."""
        folder = self.folder / "containers" / container / what
        if fresh or folder.is_symlink() or not folder.is_dir():
            new_folder(folder)
        return folder

    def log_path(self, container: str, start: int) -> Path:
        """Return the file for the output of the container's n-th start."""
        return self.folder / "logs" / container / f"{start}.log"

    async def remove(self) -> None:
        """Give back the ports and delete the folder, whatever modes the pod has left in it."""
        for address in self.ports.values():
            if address.host == HOST:
                self.pool.release(address.port)
        self.ports.clear()
        try:
            await asyncio.to_thread(remove, self.folder)
        except OSError as error:
            log.warning("folder of a pod not removed", folder=str(self.folder), error=str(error))
