"""Why a condition has the status it has; the reference says what to do about each."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A condition's reason."""

    AVAILABLE = "Available"
    STARTING = "Starting"
    NOT_READY = "NotReady"
    JETSTREAM_SILENT = "JetStreamSilent"
    NOTHING_NEEDED = "NothingNeeded"

    SATISFIED = "Satisfied"
    KINDS_ABSENT = "KindsAbsent"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a word for a finding
    SECRET_MALFORMED = "SecretMalformed"  # noqa: S105 - a word for a finding
    SECRET_FORBIDDEN = "SecretForbidden"  # noqa: S105 - a word for a finding

    DRAINING = "Draining"
    UNDELIVERED = "UndeliveredMessages"
    NATS_GONE = "StatefulSetGone"
    NOTHING_HELD = "NothingHeld"
    DISCARDED = "Discarded"
    FORCED = "Forced"

    MANAGER_STOPPED = "ManagerStopped"
    REMOVING = "Removing"
    REMOVED = "Removed"
    RETAINED = "VolumesRetained"

    CHART_BROKEN = "ChartBroken"
    API_REFUSED = "ApiRefused"
    FOREIGN_OBJECT = "ForeignObject"
    VOLUMES_UNFIT = "VolumesUnfit"
    ANOTHER_IS_SERVED = "AnotherIsServed"
