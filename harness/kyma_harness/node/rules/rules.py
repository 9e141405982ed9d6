"""Process rules: which command stands for which image."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

import yaml

from kyma_harness.host.descriptions import violations
from kyma_harness.host.image_names import canonical
from kyma_harness.node.errors import ImageError, RuleError
from kyma_harness.node.rules.placeholders import (
    EVERYWHERE,
    HOST,
    IN_LISTEN,
    POD_IP,
    WITH_ARGUMENT,
    names_in,
    service_of,
)

_STRINGS = {"type": "array", "items": {"type": "string"}}
_SCHEMA = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string", "minLength": 1},
        "declares": {"type": "integer", "minimum": 1, "maximum": 65535},
        "command": {**_STRINGS, "minItems": 1},
        "args": _STRINGS,
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "files": {
            "type": "object",
            "propertyNames": {"pattern": "^/.*[^/]$"},
            "additionalProperties": {"type": "string", "minLength": 1},
        },
        "simulate": {"type": "boolean"},
        "listen": {
            "type": "object",
            "propertyNames": {"pattern": "^[1-9][0-9]{0,4}$"},
            "additionalProperties": {"anyOf": [{"type": "string"}, _STRINGS]},
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, as its file has it: placeholders are not filled in yet.

    Without a `command` the container's own is run; `listen` maps a container port to the arguments that tell
    the process its address; with `declares` it is for containers that declare this port; `files` maps
    paths within the image to what stands for them, by paths from the rules file's folder; `position` counts
    from 1 within the file.
    """

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    listen: Mapping[int, tuple[str, ...]]
    declares: int | None = None
    env: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    simulate: bool = False
    source: Path
    position: int = 1

    @property
    def where(self) -> str:
        """Name the rule the way a message can point at it."""
        return f"{self.source.name}: rule {self.position} ({self.image})"

    @property
    def has_own_ports(self) -> bool:
        """Whether the process is told the pod's address: then it has the pod's own ports there."""
        flags = (flag for entry in self.listen.values() for flag in entry)
        texts = (*self.command, *self.args, *self.env.values(), *flags)
        return any(name == POD_IP for text in texts for name, _ in names_in(text))

    def is_own(self, port: int) -> bool:
        """Tell whether a port of `listen` is the pod's own at its own address, and not any of 127.0.0.1.

        So is one of which the process is not told: where it listens at every address, it does at this one.
        """
        return self.has_own_ports or not self.listen[port]

    def matches(self, image: str, declared: Collection[int]) -> bool:
        """Tell whether the glob covers the image, as written or with its default registry and tag."""
        if self.declares is not None and self.declares not in declared:
            return False
        return fnmatchcase(image, self.image) or fnmatchcase(canonical(image), self.image)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules in the order in which they are asked: the first that matches wins."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Self:
        """Read rule files, each a list of rules or a mapping with such a list under `rules`.

        Raises RuleError naming the file, the rule and the field.
        """
        return cls(tuple(rule for path in paths for rule in _read(path)))

    @classmethod
    def parse(cls, text: str, *, source: Path) -> Self:
        """Read rules from a text; `source` is what messages and `{module}` refer to."""
        return cls(tuple(_parse(text, source)))

    @property
    def bound_everywhere(self) -> frozenset[int]:
        """The ports at which programs listen that cannot be told where, and so do at every address."""
        return frozenset(port for rule in self.rules for port, flags in rule.listen.items() if not flags)

    def check(self, placeholders: Iterable[str]) -> None:
        """Raise RuleError when a rule uses a placeholder that nobody fills in."""
        known = EVERYWHERE | frozenset(placeholders)
        for rule in self.rules:
            _check_placeholders(rule, known)

    def match(self, image: str, declared: Collection[int] = ()) -> Rule:
        """Return the rule for an image of a container that declares these ports.

        Raises ImageError saying which rule is missing and which there are.
        """
        for rule in self.rules:
            if rule.matches(image, declared):
                return rule
        there_are = ", ".join(rule.image for rule in self.rules) or "none"
        raise ImageError(
            f'no process rule matches image "{image}": add a rule with `image: "{_suggestion(image)}"` and a'
            f" `command` to a rules file; rules exist for: {there_are}"
        )


def plain_placeholders(rule: Rule, extra: Mapping[str, str], *, pod_ip: str) -> dict[str, str]:
    """Return the placeholders that do not depend on a port."""
    return {
        "python": sys.executable,
        "host": HOST,
        POD_IP: pod_ip,
        "module": str(rule.source.parent.resolve()),
        **extra,
    }


def _suggestion(image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return f"*/{name}:*"


def _read(path: Path) -> Sequence[Rule]:
    try:
        return _parse(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise RuleError(f"cannot read the rules file {path}: {error.strerror}") from error


def _parse(text: str, source: Path) -> Sequence[Rule]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RuleError(f"{source} is not YAML: {error}") from error
    entries = document.get("rules") if isinstance(document, dict) else document
    if not isinstance(entries, list):
        raise RuleError(f"{source}: expected a list of rules, or a mapping with such a list under `rules`")
    return [_rule(entry, source, position) for position, entry in enumerate(entries, start=1)]


def _rule(entry: Any, source: Path, position: int) -> Rule:
    entry = _with_text_ports(entry)
    if problems := violations(entry, _SCHEMA):
        raise RuleError("\n".join(f"{source}: rule {position}: {problem}" for problem in problems))
    listen = {
        int(port): (flags,) if isinstance(flags, str) else tuple(flags)
        for port, flags in entry.get("listen", {}).items()
    }
    return Rule(
        image=entry["image"],
        command=tuple(entry.get("command", ())),
        args=tuple(entry.get("args", ())),
        listen=listen,
        declares=entry.get("declares"),
        env=entry.get("env", {}),
        files=entry.get("files", {}),
        simulate=entry.get("simulate", False),
        source=source,
        position=position,
    )


def _with_text_ports(entry: Any) -> Any:
    """Turn YAML's numeric keys into text, which is what a JSON schema speaks of."""
    if isinstance(entry, dict) and isinstance(entry.get("listen"), dict):
        return {**entry, "listen": {str(port): flags for port, flags in entry["listen"].items()}}
    return entry


def _check_placeholders(rule: Rule, known: frozenset[str]) -> None:
    for text in (*rule.command, *rule.args, *rule.env.values(), *rule.files.values()):
        _check_text(rule, text, known)
    for flags in rule.listen.values():
        for text in flags:
            _check_text(rule, text, known | IN_LISTEN)


def _check_text(rule: Rule, text: str, known: frozenset[str]) -> None:
    for name, argument in names_in(text):
        if name == "service" and argument is not None:
            service_of(argument)
        elif name not in (known if argument is None else WITH_ARGUMENT):
            listed = ", ".join(f"{{{one}}}" for one in sorted(known))
            raise RuleError(
                f"{rule.source}: rule {rule.position}: unknown placeholder {{{name}}} in {text!r};"
                f" known here are {listed}, {{port:N}}, {{address:N}}, {{service:NAMESPACE/NAME:PORT}}"
            )
