"""What is waited for, and what is claimed of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from kubeloop.resource import Kind, Object, ObjectKey

Claim = Callable[[Object | None], str]
"""What is missing of a claim, as a phrase; empty when it holds. ``None`` stands for "no such object"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The object that is waited for, which need not exist yet, nor its kind."""

    kind: Kind
    name: str
    namespace: str | None = None

    @classmethod
    def of(cls, obj: Object) -> Self:
        """Return an object that is there as a target."""
        key = ObjectKey.of(obj)
        return cls(kind=Kind.of(obj), name=key.name, namespace=key.namespace or None)

    @property
    def key(self) -> ObjectKey:
        """The key within its kind."""
        return ObjectKey(self.namespace or "", self.name)

    def __str__(self) -> str:
        """Name it as people do: ``Eventing kcp-system/default-kyma-eventing``."""
        return f"{self.kind.kind} {self.key}"
