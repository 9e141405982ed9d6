"""Bring the tools of the embedded cluster together in one folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPaths:
    """One flat folder with every tool under its own name."""

    folder: Path
