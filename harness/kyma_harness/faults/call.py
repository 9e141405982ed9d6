"""Read a request to the Kubernetes API: its verb and what it is about, in the words of RBAC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

_READS: Final = frozenset({"get", "list", "watch"})
_BY_METHOD: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TRUE: Final = frozenset({"true", "1"})
# What follows a namespace's name and is no resource in it.
_OF_A_NAMESPACE: Final = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One request: ``resource`` is its plural, empty for discovery and health; ``verb`` is RBAC's."""

    method: str
    path: str
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @classmethod
    def parse(cls, method: str, path: str, query: Mapping[str, str]) -> Self:
        """Read a request line."""
        group, parts = _split(path)
        namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in _OF_A_NAMESPACE:  # noqa: PLR2004
            namespace, parts = parts[1], parts[2:]
        resource, name, subresource = (*parts, "", "", "")[:3]
        return cls(
            method=method,
            path=path,
            verb=_verb(method, query, is_collection=bool(resource) and not name),
            group=group,
            resource=resource,
            subresource=subresource,
            namespace=namespace,
            name=name or _selected(query),
        )

    @property
    def is_watch(self) -> bool:
        """Whether the answer goes on and on."""
        return self.verb == "watch"

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb not in _READS

    def __str__(self) -> str:
        """Name it as in a sentence: ``patch statefulsets.apps kyma-system/eventing-nats``."""
        if not self.resource:
            return f"{self.verb} {self.path}"
        resource = self.resource + (f".{self.group}" if self.group else "")
        what = resource + (f"/{self.subresource}" if self.subresource else "")
        where = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(word for word in (self.verb, what, where) if word)


def _split(path: str) -> tuple[str, list[str]]:
    """Return the group and what follows the version."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        return "", parts[2:]
    if parts[:1] == ["apis"]:
        return (parts[1] if len(parts) > 1 else ""), parts[3:]
    return "", []


def _selected(query: Mapping[str, str]) -> str:
    """Return the one name that a list or watch is narrowed to, which RBAC takes for the call's."""
    field, _, name = query.get("fieldSelector", "").partition("=")
    return name if field == "metadata.name" and "," not in name else ""


def _verb(method: str, query: Mapping[str, str], *, is_collection: bool) -> str:
    if method not in _BY_METHOD:
        if query.get("watch") in _TRUE:
            return "watch"
        return "list" if is_collection else "get"
    return "deletecollection" if method == "DELETE" and is_collection else _BY_METHOD[method]
