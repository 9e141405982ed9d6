"""What can go wrong in the manager, beside what :mod:`kubeloop.errors` knows.

::

    EventingError (a ControllerError)
     ├── ChartError       the chart cannot be rendered: missing, broken, or given a value it does not know
     │    └── HelmKilledError  helm was killed or too slow, which tells nothing about the chart
     ├── JetStreamError   NATS cannot be asked, or its answer cannot be trusted
     ├── CredentialsError what the Secret of NATS says cannot be handed to NATS
     └── SettingsError    an argument of the command line makes no sense
"""

from __future__ import annotations

from kubeloop.errors import ControllerError


class EventingError(ControllerError):
    """Anything the manager raises on purpose."""


class ChartError(EventingError):
    """The chart cannot be rendered; rendering it again as it is would not help."""


class HelmKilledError(ChartError):
    """helm gave no answer about the chart: it was killed, as for its memory, or took too long."""

    is_transient = True


class JetStreamError(EventingError):
    """The monitoring endpoint of NATS gave no answer that can be relied on."""


class CredentialsError(EventingError):
    """Name and password of the clients of NATS cannot be handed to NATS as they are."""


class SettingsError(EventingError):
    """An argument of the command line makes no sense."""
