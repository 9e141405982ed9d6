"""Rights as single grants, and which of them a call makes use of."""

from collections.abc import Iterator
from typing import NamedTuple

ANY = "*"


class Grant(NamedTuple):
    """One verb on one resource, by that name or any, in that namespace or all."""

    verb: str
    group: str
    resource: str
    name: str
    namespace: str

    def __str__(self):
        resource = self.resource + (f".{self.group}" if self.group else "")
        return f"{self.verb} {resource} {self.namespace}/{self.name}"

    def covers(self, use):
        """Tell whether a use is allowed by this grant."""
        return all(mine in {ANY, its} for mine, its in zip(self, use, strict=True))


def grants_of(objects) -> Iterator[Grant]:
    """Yield each grant of all Roles and ClusterRoles among objects."""
    for obj in objects:
        if obj["kind"] not in {"Role", "ClusterRole"}:
            continue
        namespace = obj["metadata"]["namespace"] if obj["kind"] == "Role" else ANY
        for rule in obj["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        for name in rule.get("resourceNames", [ANY]):
                            yield Grant(verb, group, resource, name, namespace)


def uses_of(entries) -> Iterator[Grant]:
    """Yield what the API server asked RBAC for, for each recorded call.

    A patch that created its object needed the right to create as well.
    """
    for entry in entries:
        call = entry.call
        if not call.resource:
            continue  # discovery is everybody's
        resource = "/".join(part for part in (call.resource, call.subresource) if part)
        yield Grant(call.verb, call.group, resource, call.name, call.namespace)
        if call.verb == "patch" and entry.status == 201:
            yield Grant("create", call.group, resource, call.name, call.namespace)
