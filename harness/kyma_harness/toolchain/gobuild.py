"""Build a tool from the Go modules that go/go.mod pins."""

import os
import re
import shutil
from pathlib import Path

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.process import run
from kyma_harness.toolchain.catalogue import Tool
from kyma_harness.toolchain.ways import Offer, Report, WayFailedError

OLDEST_GO = (1, 26)
_ASK_SECONDS = 30.0
# Four times what the slowest takes on two cores; the modules may have to be fetched first.
_BUILD_SECONDS = 1800.0


class GoBuildWay:
    """Run `go build`; its own cache lets an interrupted build go on where it was."""

    name = "go build"

    def __init__(self, module: Path, *, path: str | None = None) -> None:
        """Build in the folder with go.mod; `path` is where to look for `go`, by default $PATH."""
        self._module = module
        self._path = path
        self._go: str | None = None

    def offer(self, tool: Tool) -> Offer:
        """Tell the time as measured on two cores with nothing cached."""
        return Offer(label="go build", seconds=tool.build_seconds)

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Build without a network where the modules are in Go's cache, else through $GOPROXY."""
        self._go = self._go or await self._find_go()
        report("building with Go", None)
        flags = " ".join(("-s", "-w", *tool.ldflags))
        command: list[str | Path] = [
            self._go,
            "build",
            "-trimpath",
            "-ldflags",
            flags,
            "-o",
            target,
            tool.package,
        ]
        try:
            await run(command, timeout=_BUILD_SECONDS, env=_environment(), cwd=self._module)
        except CommandError as error:
            raise WayFailedError(str(error)) from error

    async def _find_go(self) -> str:
        if not (self._module / "go.mod").is_file():
            raise WayFailedError(f"there is no {self._module / 'go.mod'}: install kyma-harness anew")
        go = shutil.which("go", path=self._path)
        if go is None:
            raise WayFailedError("there is no go on PATH")
        try:
            answer = await run([go, "env", "GOVERSION"], timeout=_ASK_SECONDS, env=_environment())
        except (CommandError, SpawnError) as error:
            raise WayFailedError(f"{go} does not work: {error}") from error
        found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_GO:
            oldest = ".".join(map(str, OLDEST_GO))
            raise WayFailedError(
                f"{go} is {answer.stdout.strip() or 'of no version'}: at least {oldest} is needed"
            )
        return go


def _environment() -> dict[str, str]:
    fixed = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return {**os.environ, **fixed}
