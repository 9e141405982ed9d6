"""What a supervisor is told on its command line."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """One cluster: its name, its places, and what its node shall know."""

    name: str
    state: Path
    """Folder of everything the cluster writes; removed at its end."""
    tools: Path
    """Folder with the control plane's binaries."""
    rules: tuple[Path, ...] = ()
    """Files with process rules."""
    placeholders: Mapping[str, str] = field(default_factory=dict)
    """Values for `{key}` in those rules."""
    detached: bool = True
    """Whether the cluster runs until it is told to stop, used by somebody or not."""
    api_port: int | None = None
    registry_port: int | None = None
    """Ports that must be these and no others; None: any free one."""
    keep_state: bool = False
    """Leave the folder behind, for a look at the logs."""

    def to_argv(self) -> list[str]:
        """Return the command line that from_argv() reads."""
        argv = ["--name", self.name, "--state", str(self.state), "--tools", str(self.tools)]
        for file in self.rules:
            argv += ["--rules", str(file)]
        for key, value in self.placeholders.items():
            argv += ["--placeholder", f"{key}={value}"]
        numbers = {
            "api-port": self.api_port,
            "registry-port": self.registry_port,
        }
        for flag, number in numbers.items():
            argv += [f"--{flag}", str(number)] if number is not None else []
        argv += [] if self.detached else ["--until-unused"]
        return [*argv, *(["--keep-state"] if self.keep_state else [])]

    @classmethod
    def from_argv(cls, argv: Sequence[str] | None = None) -> Self:
        """Read a command line; None means this process's own."""
        options = _parser().parse_args(argv)
        return cls(
            name=options.name,
            state=options.state.absolute(),
            tools=options.tools.absolute(),
            rules=tuple(file.absolute() for file in options.rules),
            placeholders=dict(options.placeholder),
            detached=not options.until_unused,
            api_port=options.api_port,
            registry_port=options.registry_port,
            keep_state=options.keep_state,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kyma_harness.embedded.supervisor",
        description="Run an embedded cluster until told to stop (SIGTERM, SIGINT, no users any more).",
    )
    parser.add_argument("--name", default="default", help="the cluster's name, as others will see it")
    parser.add_argument(
        "--state", type=Path, required=True, help="the cluster's folder; made, and removed at the end"
    )
    parser.add_argument(
        "--tools", type=Path, required=True, help="the folder of the control plane's binaries"
    )
    parser.add_argument(
        "--rules", type=Path, action="append", default=[], help="a file with process rules; repeatable"
    )
    parser.add_argument(
        "--placeholder",
        type=_key_value,
        action="append",
        default=[],
        help="KEY=VALUE for the rules; repeatable",
    )
    parser.add_argument(
        "--until-unused", action="store_true", help="stop when no process shares users.lock of the folder"
    )
    parser.add_argument("--api-port", type=int, help="the API server's port instead of any free one")
    parser.add_argument("--registry-port", type=int, help="the registry's port instead of any free one")
    parser.add_argument("--keep-state", action="store_true", help="leave the folder behind")
    return parser


def _key_value(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
