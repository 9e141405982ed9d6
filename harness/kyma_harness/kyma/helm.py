"""Ask helm: what it makes of ``--set``, and of a chart."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kyma_harness.host.errors import CommandError
from kyma_harness.host.process import run
from kyma_harness.kyma.errors import KymaError

TIMEOUT = 60.0
"""Seconds; helm needs a tenth of one."""
_PROBE = {
    "Chart.yaml": "apiVersion: v2\nname: probe\nversion: 0.0.0\n",
    "templates/values.yaml": "{{ .Values | toJson }}\n",
}
"""A chart that shows the values it is given."""


class HelmError(KymaError):
    """Helm refuses: the message is its own sentence."""


class Helm:
    """One helm program."""

    def __init__(self, program: str | Path) -> None:
        self._program = str(program)
        self._values: dict[str, dict[str, Any]] = {"": {}}

    async def values(self, text: str) -> dict[str, Any]:
        """Return the values that a text given to ``--set`` stands for; HelmError where it stands for none."""
        if text not in self._values:
            with TemporaryDirectory(prefix="kyma-harness-values-") as folder:
                for name, content in _PROBE.items():
                    path = Path(folder) / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(content, encoding="utf-8")
                shown = await self._run("template", "values", folder, f"--set={text}")
            self._values[text] = json.loads(shown[shown.index("{") :])
        return self._values[text]

    async def template(
        self, chart: Path, *, release: str, namespace: str, overrides: str, flags: Sequence[str] = ()
    ) -> str:
        """Render a chart as module-manager does, without hooks; HelmError where that fails."""
        settings = [f"--set={overrides}"] if overrides else []
        return await self._run(
            "template", release, str(chart), f"--namespace={namespace}", "--no-hooks", "--is-upgrade",
            *flags, *settings,
        )  # fmt: skip

    async def _run(self, *arguments: str) -> str:
        try:
            return (await run([self._program, *arguments], timeout=TIMEOUT)).stdout
        except CommandError as error:
            if error.timed_out or error.returncode is None or error.returncode < 0:
                raise
            raise HelmError(_sentence(error)) from None


def _sentence(error: CommandError) -> str:
    """Return what helm says is wrong, without what it was called with."""
    lines = [line.strip() for line in error.output.splitlines() if not line.startswith("Use --debug ")]
    begins = next((at for at, line in enumerate(lines) if line.startswith("Error: ")), 0)
    return " ".join(filter(None, lines[begins:])).removeprefix("Error: ")
