"""Find the shared libraries that programs need, as this machine's loader finds them."""

import re
from collections.abc import Iterable
from pathlib import Path

from kyma_harness.host.errors import CommandError, SpawnError
from kyma_harness.host.process import run
from kyma_harness.oci.errors import AssemblyError

TIMEOUT_SECONDS = 60.0
_RESOLVED = re.compile(r"^\s*(?:(?P<name>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$")
_MISSING = re.compile(r"^\s*(?P<name>\S+) => not found$")


async def libraries_of(files: Iterable[Path]) -> dict[str, Path]:
    """Return every library that some of these files load, by the name it is looked for under.

    The loader itself is among them, under its absolute path. Raises AssemblyError where one is missing.
    """
    wanted = sorted(files)
    try:
        done = await run(["ldd", *wanted], timeout=TIMEOUT_SECONDS, check=False)
    except (SpawnError, CommandError) as error:
        raise AssemblyError(
            f"the interpreter's shared libraries are found by ldd, which does not work here: {error}"
        ) from None
    found, missing = {}, set()
    for line in done.stdout.splitlines():
        if resolved := _RESOLVED.match(line):
            path = resolved["path"]
            found[resolved["name"] or path] = Path(path)
        elif absent := _MISSING.match(line):
            missing.add(absent["name"])
    if missing:
        raise AssemblyError(
            f"{', '.join(sorted(missing))} cannot be found, which {wanted[0].name} or a module of it loads: "
            "install the package that has it"
        )
    return found
