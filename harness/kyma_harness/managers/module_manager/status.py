"""Work out a Manifest's status (contract 1.3)."""

import enum
from collections.abc import Iterable
from datetime import UTC, datetime

from kubeloop.resource import Object, generation_of
from kyma_harness.managers.module_manager.charts import Install

OVERALL = "Manifest"
"""The reason of the condition about all installs together."""
NO_INSTALL = {"chartName": "", "clientConfig": "", "overrides": ""}


class State(enum.StrEnum):
    """What a Manifest is."""

    PROCESSING = "Processing"
    READY = "Ready"
    ERROR = "Error"
    DELETING = "Deleting"


INSTALL_CONDITIONS = {
    State.READY: ("True", "installation successful"),
    State.ERROR: ("False", "installation error"),
    State.PROCESSING: ("Unknown", "installation processing"),
    State.DELETING: ("Unknown", "installation processing"),
}


def status_of(
    manifest: Object, state: State, *, message: str = "", installs: Iterable[Install] = ()
) -> Object:
    """Return a status for the Manifest's present generation; conditions of other installs stay.

    A condition's ``lastTransitionTime`` moves only when the condition changes.
    """
    overall = {
        "type": "Ready",
        "reason": OVERALL,
        "status": "True" if state is State.READY else "False",
        "message": message or f"Manifest in {state} state",
        "installInfo": NO_INSTALL,
    }
    written = [overall, *(_install_condition(install, state) for install in installs)]
    seen = {one["reason"]: one for one in manifest.get("status", {}).get("conditions", [])}
    fresh = {one["reason"]: _dated(one, seen.get(one["reason"])) for one in written}
    return {
        "state": str(state),
        "observedGeneration": generation_of(manifest),
        "conditions": list({**seen, **fresh}.values()),
    }


def _install_condition(install: Install, state: State) -> Object:
    status, message = INSTALL_CONDITIONS[state]
    return {
        "type": "Ready",
        "reason": install.name,
        "status": status,
        "message": message,
        "installInfo": install.info(),
    }


def _dated(condition: Object, seen: Object | None) -> Object:
    before = dict(seen or {})
    moment = before.pop("lastTransitionTime", None)
    if before != condition or moment is None:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**condition, "lastTransitionTime": moment}
