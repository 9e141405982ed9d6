"""Know which custom kinds are defined, by watching their CustomResourceDefinitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.kinds import CRD
from controller.reflector import Reflector, without_managed_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.client import Client
    from controller.resource import Kind, Object


class Definitions:
    """Announce kinds to reflectors: with one watch for all of them, none asks for an absent kind.

    Hand it to reflectors as their ``announcer``, and run ``reflector`` beside them.
    """

    def __init__(self, client: Client) -> None:
        self.reflector = Reflector(client, CRD, on_change=self._announce, transform=_without_schemas)
        self._wakes: list[Callable[[], None]] = []

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when a definition comes, changes or goes."""
        self._wakes.append(wake)

    def may_serve(self, kind: Kind) -> bool:
        """Tell whether a kind is defined; so long as definitions cannot be read, any may be."""
        return not self.reflector.synced.is_set() or any(
            _defines(definition, kind) for definition in self.reflector.all()
        )

    def _announce(self, _old: Object | None, _new: Object | None) -> None:
        for wake in self._wakes:
            wake()


def _without_schemas(definition: Object) -> Object:
    for version in definition["spec"]["versions"]:
        version.pop("schema", None)
    return without_managed_fields(definition)


def _defines(definition: Object, kind: Kind) -> bool:
    spec = definition["spec"]
    return (
        spec["group"] == kind.group
        and spec["names"]["kind"] == kind.kind
        and any(version["name"] == kind.version and version["served"] for version in spec["versions"])
    )
