"""Render the chart for an Eventing, and remember what came out.

helm is asked through pyhelm3 and only as a template engine: no releases, no cluster.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import signal
import sys
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from eventing_manager.api.spec import BackendType
from eventing_manager.errors import ChartError, HelmKilledError
from eventing_manager.observe.kinds import OPTIONAL_KINDS
from kubeloop import goyaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from pathlib import Path

    from eventing_manager.act.credentials import Credentials
    from eventing_manager.api.spec import EventingSpec, NatsSettings
    from eventing_manager.observe.kinds import OptionalKind
    from kubeloop.resource import Object


def _of_pyhelm3() -> tuple[Any, Any]:
    """Import the command and the error of pyhelm3, and nothing else of it.

    The package imports all of itself, with models of releases that bring pydantic along: 11 MB that nobody
    here makes use of, a fifth of what the manager has. So its place is taken while these two are imported.
    """
    place = None
    if "pyhelm3" not in sys.modules:
        place = types.ModuleType("pyhelm3")
        place.__path__ = list(_spec_of("pyhelm3").submodule_search_locations or [])
        sys.modules["pyhelm3"] = place
    try:
        command = importlib.import_module("pyhelm3.command").Command
        return command, importlib.import_module("pyhelm3.errors").Error
    finally:
        if place is not None:
            del sys.modules["pyhelm3"]


def _spec_of(package: str) -> ModuleSpec:
    found = importlib.util.find_spec(package)
    if found is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return found


if TYPE_CHECKING:
    from pyhelm3.command import Command
    from pyhelm3.errors import Error as HelmError
else:
    Command, HelmError = _of_pyhelm3()

Values = dict[str, Any]

RENDER_TIMEOUT: Final = 30.0
"""Seconds; helm needs a tenth of one."""

_UNPRINTABLE: Final = re.compile("[\x7f-\U0010ffff]")

_REMEMBERED: Final = 16
"""Renderings kept: a switch back and forth needs two."""


def chart_values(
    spec: EventingSpec,
    *,
    credentials: Credentials | None = None,
    served: frozenset[OptionalKind] = frozenset(),
    draining: bool = False,
) -> Values:
    """Return the chart's values: ``nats.enabled`` exactly when the backend is nats, and its settings then."""
    if spec.backend is not BackendType.NATS:
        return {"nats": {"enabled": False}}
    optional = {kind.value: {"enabled": kind in served} for kind in OPTIONAL_KINDS}
    auth = {"auth": credentials.values()} if credentials else {}
    return {"nats": {"enabled": True, "draining": draining} | _nats_values(spec.nats) | optional | auth}


def _nats_values(nats: NatsSettings) -> Values:
    return {
        "replicas": nats.replicas,
        "storage": {
            "type": str(nats.storage.type),
            "size": nats.storage.size,
            "bytes": nats.storage.size_in_bytes,
        },
        "resources": nats.resources,
        "podLabels": nats.labels,
        "podAnnotations": nats.annotations,
    }


class Renderer(Protocol):
    """Turn values into the objects to be applied."""

    async def render(self, values: Mapping[str, Any]) -> list[Object]:
        """Return the objects, in the order in which the chart gives them; ChartError where it cannot.

        HelmKilledError, where nothing is known about the chart.
        """


class ChartRenderer:
    """Render one chart for one release in one namespace, once for every set of values.

    The chart lies in a read-only image: it does not change while the manager runs. A rendering is kept as
    JSON, so that nobody can change what the next caller gets.
    """

    def __init__(
        self, *, helm: str, chart: Path, release: str, namespace: str, timeout: float = RENDER_TIMEOUT
    ) -> None:
        self._chart = chart
        self._release = release
        self._namespace = namespace
        self._timeout = timeout
        self._helm = Helm(executable=helm)
        self._renderings: dict[str, str] = {}

    async def render(self, values: Mapping[str, Any]) -> list[Object]:
        """Return the objects that the chart makes of the values."""
        key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        if key not in self._renderings:
            self._remember(key, await self._template(values))
        objects: list[Object] = json.loads(self._renderings[key])
        return objects

    def _remember(self, key: str, objects: list[Object]) -> None:
        while len(self._renderings) >= _REMEMBERED:
            del self._renderings[next(iter(self._renderings))]
        self._renderings[key] = json.dumps(objects)

    async def _template(self, values: Mapping[str, Any]) -> list[Object]:
        require_chart(self._chart)
        command = ["template", self._release, self._chart, "--namespace", self._namespace]
        try:
            async with asyncio.timeout(self._timeout):
                text = await self._helm.run(
                    [*command, "--skip-crds", "--no-hooks", "--values", "-"], as_yaml(values)
                )
        except HelmError as error:
            failure = HelmKilledError if _was_killed(error.returncode) else ChartError
            raise failure(f"chart {self._chart} cannot be rendered: {_sentence(error)}") from error
        except TimeoutError as error:
            raise HelmKilledError(
                f"chart {self._chart}: helm gave no answer in {self._timeout:g} s"
            ) from error
        try:
            return [document for document in goyaml.load_all(text) if document]
        except goyaml.YAMLError as error:
            raise ChartError(f"chart {self._chart} renders something that is not YAML: {error}") from error


class Helm(Command):  # type: ignore[misc]
    """Run helm by its arguments alone, and end it for good where it is given up.

    The class it is derived from hands a line to a shell, and waits for what the shell has started.
    """

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:  # noqa: A002 - its name
        """Return what helm writes; raise what pyhelm3 raises where it fails."""
        process = await asyncio.create_subprocess_exec(
            self._executable,
            *map(str, command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            stdout, stderr = await process.communicate(input)
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        if process.returncode:
            # It decodes strictly what a program wrote that may have been anything.
            readable = stderr.decode(errors="replace").encode()
            raise HelmError(process.returncode, stdout, readable)
        return stdout


def as_yaml(values: Mapping[str, Any]) -> bytes:
    """Return values as helm reads them: as YAML, which knows neither surrogates nor every character."""
    text = json.dumps(values, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\U{ord(found[0]):08x}", text).encode()


def require_chart(chart: Path) -> None:
    """Raise ChartError where there is no chart."""
    if not (chart / "Chart.yaml").is_file():
        raise ChartError(
            f"{chart} is not a chart: it has no Chart.yaml; set --chart to the folder that has it"
        )


def _was_killed(returncode: int) -> bool:
    """Tell whether a signal ended helm: a wrapper tells that by a code above 128, as a shell does."""
    return returncode < 0 or returncode > 128  # noqa: PLR2004 - the convention


def _sentence(error: HelmError) -> str:
    """Return what helm wrote, on one line."""
    lines = [line.strip() for line in error.stderr.decode().splitlines()]
    return " ".join(line for line in lines if line) or f"helm exited with {error.returncode}"
