"""Keep folders in the cache whole: a folder is there with everything in it, or not at all."""

from pathlib import Path


def settle(partial: Path, target: Path) -> None:
    """Move a filled folder to its place beside it; where another run was faster, its folder stays."""
    try:
        partial.rename(target)
    except OSError:
        if not target.is_dir():
            raise
