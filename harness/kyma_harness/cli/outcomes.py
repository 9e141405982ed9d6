"""What commands answer a script with ``--output json``: the fields, documented in docs/reference/cli.md.

Fields may be added; none that is there changes its meaning. One that is None is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from kyma_harness.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyma_harness.clusters.choice import Probe
    from kyma_harness.kyma.verify import Check
    from kyma_harness.session.leftovers.census import Found

CLUSTER = "the cluster's name"


class Outcome:
    """What every answer has."""

    __slots__ = ()

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Up(Outcome):
    """The cluster that is up."""

    cluster: Annotated[str, CLUSTER]
    provider: Annotated[str, "who provides the cluster"]
    kubeconfig: Annotated[str, "the path of its kubeconfig"]
    registry: Annotated[str, "HOST:PORT of its registry, seen from this host"]
    managers: Annotated[str, "the pair of lifecycle managers: `real` or `builtin`"]
    module: Annotated[str, "the module's name in the Kyma's `spec.modules`"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaked:
    """Something that a dead run has left."""

    kind: Annotated[str, "`cluster`, `processes`, `containers`, `port locks`, `turn locks` or `making locks`"]
    what: Annotated[str, "what it is, and where"]
    problem: Annotated[str | None, "why it was not removed"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Outcome):
    """What nobody owned; the exit code is 1 where anything was kept."""

    dry_run: Annotated[bool, "whether nothing was removed, as was asked for"]
    removed: Annotated[Sequence[Leaked], "what is gone, or would be: kind, what"]
    kept: Annotated[Sequence[Leaked], "what could not be removed: kind, what, problem"]

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.FAILED if self.kept else Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctored(Outcome):
    """What can run on this machine."""

    auto: Annotated[str, "the provider that is used unless another is asked for"]
    reason: Annotated[str, "why it is this one"]
    providers: Annotated[Sequence[Probe], "each provider: its name, what is missing, a note"]
    missing_tools: Annotated[Sequence[str], "the tools that the first run would fetch or build"]
    leaks: Annotated[Sequence[Leaked], "what `gc` would remove: kind, what"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Outcome):
    """The cluster that is gone."""

    cluster: Annotated[str, CLUSTER]
    was_running: Annotated[bool, "whether there was anything to take away"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """One module as the Kyma's status has it."""

    name: Annotated[str, "its name in `spec.modules`"]
    channel: Annotated[str, "its channel"]
    state: Annotated[str, "its state in the Kyma's status; empty while there is none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Outcome):
    """What is up."""

    cluster: Annotated[str, CLUSTER]
    running: Annotated[bool, "whether the cluster runs; the exit code is 3 where it does not"]
    provider: Annotated[str | None, "who provides the cluster"] = None
    kubeconfig: Annotated[str | None, "the path of its kubeconfig"] = None
    registry: Annotated[str | None, "HOST:PORT of its registry, seen from this host"] = None
    pid: Annotated[int | None, "embedded: the process that owns all others"] = None
    managers: Annotated[str | None, "the pair of lifecycle managers: `real` or `builtin`"] = None
    kyma: Annotated[str | None, "the Kyma's state; left out while there is no Kyma"] = None
    modules: Annotated[Sequence[ModuleState] | None, "the Kyma's modules: name, channel, state"] = None
    clusters: Annotated[Sequence[Found], "every cluster of this user: name, condition, provider, users"] = ()

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE if self.running else Exit.NOT_RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed(Outcome):
    """The lifecycle managers and the Kyma that were deployed."""

    cluster: Annotated[str, CLUSTER]
    managers: Annotated[str, "the pair of lifecycle managers: `real` or `builtin`"]
    kyma: Annotated[str, "NAMESPACE/NAME of the Kyma"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled(Outcome):
    """The module that is Ready."""

    cluster: Annotated[str, CLUSTER]
    module: Annotated[str, "the module's name in the Kyma's `spec.modules`"]
    channel: Annotated[str, "the channel it was enabled with"]
    resource: Annotated[str, "NAMESPACE/NAME of its custom resource, and of its Manifest"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled(Outcome):
    """The module that is gone."""

    cluster: Annotated[str, CLUSTER]
    module: Annotated[str, "the module's name"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched(Outcome):
    """The custom resource that is Ready again."""

    cluster: Annotated[str, CLUSTER]
    resource: Annotated[str, "NAMESPACE/NAME of the custom resource"]
    field: Annotated[str, "the field that was set, with dots"]
    value: Annotated[str, "what it was set to"]
    seconds: Annotated[float, "how long it took"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(Outcome):
    """What was looked at; the exit code is 1 where anything does not hold."""

    cluster: Annotated[str, CLUSTER]
    ok: Annotated[bool, "whether every check holds"]
    checks: Annotated[Sequence[Check], "the checks: name, ok, and in detail what was seen instead"]

    @property
    def exit(self) -> Exit:
        """The code that the command ends with."""
        return Exit.DONE if self.ok else Exit.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed test."""

    test: Annotated[str, "its node id"]
    phase: Annotated[str, "`setup`, `call` or `teardown`"]
    cause: Annotated[str, "the first line of what was raised"]
    folder: Annotated[str, "the path of its evidence"]
    command: Annotated[str, "what runs it again"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported(Outcome):
    """The last run of tests that left evidence."""

    report: Annotated[str, "the path of the report"]
    passed: Annotated[int, "so many tests passed"]
    failed: Annotated[int, "so many failed, with or without evidence"]
    skipped: Annotated[int, "so many were skipped"]
    failures: Annotated[Sequence[Failure], "those with evidence: test, phase, cause, folder, command"]
