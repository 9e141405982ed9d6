"""Know which custom kinds are defined, by watching their CustomResourceDefinitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeloop.client import named
from kubeloop.kinds import CRD
from kubeloop.reflector import Reflector, without_managed_fields
from kubeloop.resource import is_deleting

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubeloop.client import Client
    from kubeloop.resource import Kind, Object


class Definitions:
    """Announce kinds to reflectors: with one watch for all of them, none asks for an absent kind.

    Hand it to reflectors as their ``announcer``, and run ``reflector`` beside them. With the ``name`` of a
    definition it reads no other, for which a right to that one is enough.
    """

    def __init__(self, client: Client, name: str | None = None, *, required: bool = True) -> None:
        self.reflector = Reflector(
            client,
            CRD,
            field_selector=named(name) if name else None,
            on_change=self._announce,
            transform=_without_schemas,
            required=required,
            name=f"{CRD} {name}" if name else None,
        )
        self._wakes: list[Callable[[], None]] = []

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when a definition comes, changes or goes."""
        self._wakes.append(wake)

    def may_serve(self, kind: Kind) -> bool:
        """Tell whether a kind is defined; so long as definitions cannot be read, any may be."""
        return not self.reflector.synced.is_set() or any(
            _defines(definition, kind) for definition in self.reflector.all()
        )

    def serves(self, kind: Kind) -> bool:
        """Tell whether objects of a kind can be made: it is established, and not on its way out."""
        return any(
            _defines(definition, kind) and _is_established(definition) and not is_deleting(definition)
            for definition in self.reflector.all()
        )

    def _announce(self, _old: Object | None, _new: Object | None) -> None:
        for wake in self._wakes:
            wake()


def _without_schemas(definition: Object) -> Object:
    for version in definition["spec"]["versions"]:
        version.pop("schema", None)
    return without_managed_fields(definition)


def _is_established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    return any(
        condition["type"] == "Established" and condition["status"] == "True" for condition in conditions
    )


def _defines(definition: Object, kind: Kind) -> bool:
    spec = definition["spec"]
    return (
        spec["group"] == kind.group
        and spec["names"]["kind"] == kind.kind
        and any(version["name"] == kind.version and version["served"] for version in spec["versions"])
    )
