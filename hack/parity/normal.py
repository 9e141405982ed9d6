"""Take out of objects and texts what differs from one run to the next."""

import re
from collections.abc import Iterable
from typing import Any

from kubeloop.resource import Object, is_deleting

VOLATILE = {
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "lastTransitionTime",
}
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
CANDIDATES = re.compile(r"\[([\w-]+(?: [\w-]+)+)\]")
"""A list as Go prints it, here in no particular order."""
KEYS = {"conditions": "reason", "moduleStatus": "moduleName", "installs": "name"}
"""Lists whose order means nothing, and what tells their items apart."""


class Normaliser:
    """Normalise what one case has left; ``slug`` is what all of its names begin with."""

    def __init__(self, slug: str) -> None:
        self._slug = slug

    def text(self, text: str) -> str:
        """Replace the case's own names, digests and addresses."""
        text = text.replace(self._slug, "case")
        text = ADDRESS.sub("registry", DIGEST.sub("sha256:…", text))
        return CANDIDATES.sub(lambda found: f"[{' '.join(sorted(found[1].split()))}]", text)

    def obj(self, obj: Object) -> Any:
        """Normalise an object; of a definition only its name and its group count."""
        if obj["kind"] == "CustomResourceDefinition":
            return {"group": self.text(obj["spec"]["group"])}
        if obj["kind"] == "Namespace":
            return {"labels": self._value(_own_labels(obj))}
        normal: dict[str, Any] = self._value(obj)
        if is_deleting(obj):
            normal["deleting"] = True
        return normal

    def ref(self, obj: Object) -> str:
        """Name an object by kind and name, as in ``Manifest case-lamp``."""
        return self.text(f"{obj['kind']} {obj['metadata']['name']}")

    def _value(self, value: Any) -> Any:
        match value:
            case dict():
                return {self.text(key): self._member(key, one) for key, one in value.items() if _counts(key)}
            case list():
                return [self._value(one) for one in value]
            case str():
                return self.text(value)
            case _:
                return value

    def _member(self, key: str, value: Any) -> Any:
        if key in KEYS and isinstance(value, list):
            return {self.text(one[KEYS[key]]): self._value(one) for one in value}
        return self._value(value)


def collapsed(steps: Iterable[str]) -> list[str]:
    """Leave out repetitions: of one step, and of two or three in turn."""
    kept: list[str] = []
    for step in steps:
        kept.append(step)
        for length in (1, 2, 3):
            if len(kept) >= 2 * length and kept[-length:] == kept[-2 * length : -length]:
                del kept[-length:]
    return kept


def _counts(key: str) -> bool:
    return key not in VOLATILE


def _own_labels(obj: Object) -> dict[str, str]:
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    return {key: value for key, value in labels.items() if key != "kubernetes.io/metadata.name"}
