"""Programs that have to ask for permissions as anybody has to: root is let in everywhere else."""

import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_CAPABILITIES = (1, 2)
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH"""
_PR_CAPBSET_DROP = 24


def run_unprivileged(
    argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(
        argv, cwd=cwd, env=env, check=False, text=True, capture_output=True, timeout=120, preexec_fn=_drop
    )


def _drop() -> None:
    if os.getuid() == 0:
        for capability in _CAPABILITIES:
            ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
