"""Ask a tool for its version."""

import re
from pathlib import Path

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.process import run
from kyma_harness.toolchain.catalogue import Tool
from kyma_harness.toolchain.errors import WrongToolVersionError

_ASK_SECONDS = 20.0
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)")


async def check_version(tool: Tool, path: Path) -> None:
    """Raise WrongToolVersionError, which names both versions, unless the file is the pinned tool."""
    found = await _ask(tool, path)
    if found not in tool.accepted:
        wanted = " or ".join(sorted(tool.accepted))
        raise WrongToolVersionError(
            f"{path} is {tool.name} {found or 'of no version it would tell'}, but {wanted} is needed:"
            " put that there, or leave the tool out of the folder to have it fetched or built"
        )


async def _ask(tool: Tool, path: Path) -> str | None:
    try:
        answer = await run([path, *tool.ask], timeout=_ASK_SECONDS)
    except (CommandError, SpawnError) as error:
        raise WrongToolVersionError(
            f"{path} does not tell its version, so it is not {tool.name} {tool.version}: {error}"
        ) from error
    # etcd tells Go's version as well, and the registry its own path: the tool's own comes first.
    found = _VERSION.search(answer.stdout.replace(str(path), "").replace("distribution/v3", ""))
    return found[1] if found else None
