"""Lock files of ports, of makers and of tests' turns that nobody holds: those whose holder was killed."""

from functools import partial
from pathlib import Path

from kyma_harness.host.locks import FileLock
from kyma_harness.host.paths import runtime_dir
from kyma_harness.host.sharing import Share
from kyma_harness.session.leftovers.leftover import Leak
from kyma_harness.session.settings import Settings

_SHOWN = 3


def leaked_files(settings: Settings) -> list[Leak]:
    """Return the lock files that nobody holds, a leak for each folder of them."""
    folders = {
        "port": runtime_dir() / "ports",
        "turn": settings.state / "turns",
        "making": settings.making,
    }
    found = {(kind, folder): _free(folder) for kind, folder in folders.items()}
    return [
        Leak(
            kind=f"{kind} locks",
            what=f"{kind} locks in {folder} whose holders are dead: {_few(files)}",
            remove=partial(_remove, files),
        )
        for (kind, folder), files in found.items()
        if files
    ]


def _free(folder: Path) -> list[Path]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file for file in files if file.is_file() and not Share(file).is_used()]


async def _remove(files: list[Path]) -> bool:
    locks = [lock for lock in map(FileLock, files) if lock.try_acquire()]
    for lock in locks:
        lock.remove()
    return bool(locks)


def _few(files: list[Path]) -> str:
    shown = ", ".join(file.name for file in files[:_SHOWN])
    return shown if len(files) <= _SHOWN else f"{shown} and {len(files) - _SHOWN} more"
