"""Render the chart, and remember what came out.

helm is asked through pyhelm3 and only as a template engine: no releases, no cluster.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyhelm3
import pyhelm3.errors
import yaml

from eventing_manager.errors import ChartError, HelmKilledError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kubeloop.resource import Object

RENDER_TIMEOUT: Final = 30.0
"""Seconds; helm needs a tenth of one."""

_REMEMBERED: Final = 16
"""Renderings kept: a switch back and forth needs two."""


class Renderer(Protocol):
    """Turn values into the objects to be applied."""

    async def render(self, values: Mapping[str, Any]) -> list[Object]:
        """Return the objects, in the order in which the chart gives them; ChartError where it cannot.

        HelmKilledError, where nothing is known about the chart.
        """


class ChartRenderer:
    """Render one chart for one release in one namespace, once for every set of values.

    A rendering is kept as JSON, so that nobody can change what the next caller gets.
    """

    def __init__(self, *, helm: str, chart: Path, release: str, namespace: str) -> None:
        self._chart = chart
        self._release = release
        self._namespace = namespace
        self._command = pyhelm3.Command(executable=helm)
        self._renderings: dict[str, str] = {}
        # It logs every command at info level, values and all.
        logging.getLogger("pyhelm3").setLevel(logging.ERROR)

    async def render(self, values: Mapping[str, Any]) -> list[Object]:
        """Return the objects that the chart makes of the values."""
        key = self._key(values)
        if key not in self._renderings:
            self._remember(key, await self._template(values))
        objects: list[Object] = json.loads(self._renderings[key])
        return objects

    def _key(self, values: Mapping[str, Any]) -> str:
        return json.dumps([chart_digest(self._chart), self._release, self._namespace, values], sort_keys=True)

    def _remember(self, key: str, objects: list[Object]) -> None:
        while len(self._renderings) >= _REMEMBERED:
            del self._renderings[next(iter(self._renderings))]
        self._renderings[key] = json.dumps(objects)

    async def _template(self, values: Mapping[str, Any]) -> list[Object]:
        try:
            async with asyncio.timeout(RENDER_TIMEOUT):
                documents = await self._command.template(
                    self._release, self._chart, dict(values), namespace=self._namespace, no_hooks=True
                )
            return [document for document in documents if document]
        except pyhelm3.errors.Error as error:
            failure = HelmKilledError if _was_killed(error.returncode) else ChartError
            raise failure(f"chart {self._chart} cannot be rendered: {_sentence(error)}") from error
        except yaml.YAMLError as error:
            raise ChartError(f"chart {self._chart} renders something that is not YAML: {error}") from error
        except TimeoutError as error:
            raise HelmKilledError(
                f"chart {self._chart}: helm gave no answer in {RENDER_TIMEOUT:.0f} s"
            ) from error


def chart_digest(chart: Path) -> str:
    """Return a digest of every file of a chart; ChartError where there is no chart."""
    if not (chart / "Chart.yaml").is_file():
        raise ChartError(
            f"{chart} is not a chart: it has no Chart.yaml; set --chart to the folder that has it"
        )
    digest = hashlib.sha256()
    for path in sorted(path for path in chart.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(chart)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _was_killed(returncode: int) -> bool:
    """Tell whether a signal ended helm: a wrapper tells that by a code above 128, as a shell does."""
    return returncode < 0 or returncode > 128  # noqa: PLR2004 - the convention


def _sentence(error: pyhelm3.errors.Error) -> str:
    """Return what helm wrote, on one line."""
    lines = [line.strip() for line in error.stderr.decode(errors="replace").splitlines()]
    return " ".join(line for line in lines if line) or f"helm exited with {error.returncode}"
