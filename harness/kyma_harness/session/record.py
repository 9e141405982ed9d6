"""What a cluster was made for, kept beside it, so that later commands need not be told again."""

import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from kyma_harness.clusters.errors import MismatchError, RecordError
from kyma_harness.clusters.provider import ProviderOptions
from kyma_harness.host.paths import definite, explained, private_folder, write_private
from kyma_harness.kyma.choices import Choice
from kyma_harness.kyma.makings import Made
from kyma_harness.session.fingerprint import Fingerprint
from kyma_harness.session.options import RECORD, Settings

PATHS = ("kubeconfig", "kind_binary", "kind_config")
CONFIRMATION = "allow_context"
"""What says once more what another option says: no choice of its own."""


_NOT_THERE = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The choices that a running cluster holds later commands to."""

    provider: str
    kyma: str
    module: str
    kyma_dist: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    detached: bool = True
    """Whether it is to stay when nobody uses it."""
    kept: bool = False
    """Whether tests have made and kept it, so that tests may replace it."""
    made: float = 0
    """Unix time in seconds."""
    fingerprint: dict[str, str] = field(default_factory=dict)
    """What it was made of."""
    deployed: dict[str, str] | None = None
    """What lifecycle managers, bundle and Kyma in it were made of; None while they are not all there."""
    claim: str = ""
    """By what a cluster that stays is known to be ours: its name is the same for everybody."""
    makings: list[dict[str, str]] = field(default_factory=list)
    """In a cluster that stays: what we have made there, and delete again; see :class:`Made`."""

    @classmethod
    def of(cls, settings: Settings, *, provider: str, kyma: str, fingerprint: Fingerprint) -> Self:
        """Record what was chosen, and what "auto" came to mean."""
        options = {key: value for key, value in asdict(settings.options).items() if value is not None}
        options |= {key: str(options[key]) for key in PATHS if key in options}
        return cls(
            provider=provider,
            kyma=kyma,
            module=str(settings.module),
            kyma_dist=str(settings.kyma_dist) if settings.kyma_dist else None,
            options=options,
            detached=settings.detached,
            kept=settings.keep,
            made=time.time(),
            fingerprint=dict(fingerprint),
            claim=uuid.uuid4().hex,
        )

    @classmethod
    def read(cls, settings: Settings) -> Self | None:
        """Return what was recorded of the settings' cluster; nothing where there is none.

        Fields that only another version knows are left out. Raises :class:`RecordError` where the rest makes
        no sense, and :class:`PlaceError` where the file may not be read.
        """
        file = settings.cluster_state / RECORD
        try:
            return cls._of_json(file.read_text())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise explained(error) or error from None
        except (ValueError, TypeError, AttributeError) as error:
            name = settings.cluster
            raise RecordError(
                f"{file} does not say what cluster {name} was made for ({type(error).__name__}: {error})",
                remedy=f"remove that file, then the cluster with `kyma-harness --cluster {name} down`, and "
                "its containers, if it has any, with `kyma-harness gc`",
            ) from None

    @classmethod
    def _of_json(cls, text: str) -> Self:
        read = cls(**_known(cls, json.loads(text)))
        options = _known(ProviderOptions, read.options)
        found = replace(read, options=options, fingerprint=dict(read.fingerprint), kyma=Choice(read.kyma))
        found.provider_options()  # it can be told from them
        found.made_objects()
        return found

    def write(self, settings: Settings) -> None:
        """Keep it beside the cluster."""
        write_private(private_folder(settings.cluster_state) / RECORD, json.dumps(asdict(self), indent=2))

    def forget(self, settings: Settings) -> None:
        """Drop it: the cluster did not come to be. One that somebody else has written since stays."""
        if self.read(settings) == self:
            (settings.cluster_state / RECORD).unlink(missing_ok=True)

    def check(self, now: Self, cluster: str) -> None:
        """Raise :class:`MismatchError`, with every difference, where something else is asked for now.

        What somebody asks for counts, not what has changed by itself since, such as the harness.
        """
        had, wanted = self._asked(), now._asked()
        differing = [
            _difference(key, had.get(key), wanted.get(key))
            for key in had | wanted
            if had.get(key) != wanted.get(key)
        ]
        if differing:
            raise MismatchError(
                f"cluster {cluster} runs with {'; with '.join(differing)}",
                remedy="stop it first with `kyma-harness down`, or name another cluster with --cluster",
            )

    def _asked(self) -> dict[str, str]:
        chosen = {"provider": self.provider, "kyma": self.kyma, "module": str(definite(Path(self.module)))}
        options = {
            name: definite(Path(value)) if name in PATHS else value
            for name, value in self.options.items()
            if name != CONFIRMATION
        }
        return {**chosen, **{f"option {name}": str(value) for name, value in options.items()}}

    def with_objects(self, made: Iterable[Made]) -> Self:
        """Return the record with what was made in the cluster by now."""
        return replace(self, makings=[asdict(one) for one in made])

    def made_objects(self) -> list[Made]:
        """Return what was made in the cluster."""
        return [Made(**_known(Made, one)) for one in self.makings]

    def provider_options(self) -> ProviderOptions:
        """Return the options that the cluster was made with."""
        paths = {key: Path(self.options[key]) for key in PATHS if key in self.options}
        return ProviderOptions(**{**self.options, **paths})


class RecordFile:
    """The record beside a cluster: read once, and again only where somebody else has written it since."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: Record | None = None
        self._stamp: tuple[int, ...] = _NOT_THERE

    def now(self) -> Record | None:
        """Return what is recorded; raises as :meth:`Record.read` does."""
        stamp = self._look()
        if stamp != self._stamp:
            self._known = Record.read(self._settings)
            self._stamp = stamp
        return self._known

    def write(self, record: Record) -> None:
        """Keep a record beside the cluster."""
        record.write(self._settings)
        self._known, self._stamp = record, self._look()

    def claim(self) -> str:
        """Return the id of our claim on a cluster that stays: whoever makes the cluster records a new one."""
        known = self.now()
        return known.claim if known else ""

    def _look(self) -> tuple[int, ...]:
        """Tell this file from one that takes its place: each is written beside it, and moved there."""
        try:
            found = (self._settings.cluster_state / RECORD).stat()
        except FileNotFoundError:
            return _NOT_THERE
        except OSError as error:
            raise explained(error) or error from None
        return found.st_ino, found.st_mtime_ns, found.st_size


def _known(kind: type, found: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in found.items() if name in names}


def _difference(key: str, had: str | None, wanted: str | None) -> str:
    if had is None:
        return f"{key} not given, now {wanted}"
    return f"{key} {had}, {'now not given' if wanted is None else f'not {wanted}'}"
