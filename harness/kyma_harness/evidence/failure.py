"""What is known of one failed test, in a form that a file can hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kyma_harness.kube.logs import ContainerLog
from kyma_harness.kube.redaction import without
from kyma_harness.wait.steps import Step
from kyma_harness.wait.timeline import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One failed phase of one test; times are Unix times in seconds."""

    test: str
    """The test's node id."""
    phase: str
    """``setup``, ``call`` or ``teardown``."""
    started: float
    """When the set-up of the test began."""
    phase_started: float
    ended: float
    message: str
    """The failure in full, as pytest shows it."""
    cause: str
    """The first line of what was raised."""
    command: str
    """What runs this test again."""
    follows: str = ""
    """The cause of the failure that this one comes after, in the same run of the test."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """The cluster, the managers, the versions: name and value, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found in the cluster when the test failed, before anything was cleaned up."""

    objects: Sequence[Mapping[str, Any]] = ()
    events: Sequence[Mapping[str, Any]] = ()
    logs: Sequence[ContainerLog] = ()
    transitions: Sequence[Transition] = ()
    steps: Sequence[Step] = ()
    problems: Sequence[str] = ()
    """What could not be gathered, and why."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """What is to stand in nothing that is written."""


def scrubbed(incident: Incident, findings: Findings) -> tuple[Incident, Findings]:
    """Return both as they may be written: without the cluster's secrets, wherever they stand."""
    return without(findings.secrets, (incident, findings))


def as_data(incident: Incident, findings: Findings) -> dict[str, Any]:
    """Return what the report is drawn from, as plain data."""
    return {
        **asdict(incident),
        "events": [dict(one) for one in findings.events],
        "transitions": [
            {
                "at": one.at,
                "kind": one.kind.group_kind,
                "namespace": one.key.namespace,
                "name": one.key.name,
                "word": one.word,
                "detail": one.detail,
            }
            for one in findings.transitions
        ],
        "steps": [asdict(one) for one in findings.steps],
        "logs": [asdict(one) for one in findings.logs],
        "problems": list(findings.problems),
    }
