"""What a test holds in its hands: the Kyma, and a way to reach what the module runs."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from kubeloop.client import Client
from kubeloop.resource import Kind
from kyma_harness.clusters.provider import Provider
from kyma_harness.host.blocking import Portal
from kyma_harness.kyma import deploy
from kyma_harness.kyma.contract import DEFAULT_KYMA, KCP_NAMESPACE, KYMA, MANIFEST
from kyma_harness.kyma.pair import ORIGINAL, Quirks
from kyma_harness.pytest.handles.api import Api, Expectation

Reach = Callable[[str, str, int], AbstractContextManager[str]]
"""Takes namespace, Service and port; gives ``host:port`` from which it answers while the block runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KymaHandle:
    """One Kyma, whose modules a test adds and removes."""

    api: Api
    portal: Portal
    client: Client
    name: str = DEFAULT_KYMA
    quirks: Quirks = ORIGINAL
    """What the pair of managers gets wrong."""
    kinds: Sequence[Kind] = ()
    """What the module under test defines: nothing of it is to be left where there is no module."""

    def enable(self, module: str, *, channel: str | None = None) -> None:
        """Add a module, or change its channel; waits for nothing."""
        with self.api.acting(f"enable module {module}"):
            enabling = deploy.enable_module(
                self.client, module, channel=channel, kyma=self.name, quirks=self.quirks
            )
            self.portal.call(enabling)

    def disable(self, module: str) -> None:
        """Remove a module; waits for nothing, and is no error where it is not there."""
        with self.api.acting(f"disable module {module}"):
            disabling = deploy.disable_module(self.client, module, kyma=self.name, quirks=self.quirks)
            self.portal.call(disabling)

    def modules(self) -> list[str]:
        """Return the names in ``spec.modules``."""
        return [
            entry["name"] for entry in self.api.get(KYMA, self.name, KCP_NAMESPACE)["spec"].get("modules", [])
        ]

    def expect(self) -> Expectation:
        """Expect something of the Kyma resource."""
        return self.api.expect(KYMA, self.name, KCP_NAMESPACE)

    def manifest(self, module: str) -> Expectation:
        """Expect something of a module's Manifest."""
        return self.api.expect(MANIFEST, deploy.instance_name(module, self.name), KCP_NAMESPACE)

    def clear(self, *, within: float = 120) -> None:
        """Remove every module and wait until each is gone, its custom resource included, in seconds.

        That includes a module that was taken off before, and is still being removed.
        """
        listed = self.modules()
        for module in deploy.modules_of(self.api.get(KYMA, self.name, KCP_NAMESPACE)):
            resource = self._resource_of(module)
            if module in listed:
                self.disable(module)
            removed = deploy.wait_until_removed(
                self.client,
                module,
                kinds=[resource.target.kind] if resource else [],
                kyma=self.name,
                within=within,
                observer=self.api.observer,
            )
            self.portal.call(removed)
            if resource:
                resource.to_be_gone(within=within)
        leaving = deploy.until_nothing_leaves(
            self.client, self.kinds, within=within, observer=self.api.observer
        )
        self.portal.call(leaving)

    def _resource_of(self, module: str) -> Expectation | None:
        name = deploy.instance_name(module, self.name)
        manifest = self.api.find(MANIFEST, name, KCP_NAMESPACE)
        resource = (manifest or {}).get("spec", {}).get("resource")
        return self.api.expect(Kind.of(resource), name, KCP_NAMESPACE) if resource else None


def reach_through(portal: Portal, provider: Provider) -> Reach:
    """Return the provider's :meth:`Provider.reach` for ordinary functions."""

    @contextmanager
    def reach(namespace: str, service: str, port: int) -> Iterator[str]:
        opened = provider.reach(namespace, service, port)
        address = portal.call(opened.__aenter__())
        try:
            yield address
        finally:
            portal.call(opened.__aexit__(None, None, None))

    return reach
