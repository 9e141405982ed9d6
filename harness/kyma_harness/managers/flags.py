"""The flags of the pair, as Go programs take them (contract 5)."""

import argparse
import re
from typing import NoReturn

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000001}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|h|m|s)")


def flag_parser(program: str, *, listener: str, base_delay: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that both managers have.

    ``listener`` is the name of the listener's flag, which is not the same in both; ``base_delay`` its
    default for ``--failure-base-delay``.
    """
    parser = argparse.ArgumentParser(prog=program, allow_abbrev=False)
    parser.add_argument("--kubeconfig", help="default: $KUBECONFIG, the Pod's account, ~/.kube/config")
    parser.add_argument("--metrics-bind-address", dest="metrics", type=address, default=":8080")
    parser.add_argument("--health-probe-bind-address", dest="probes", type=address, default=":8081")
    parser.add_argument(listener, dest="listener", type=address, default=":8082")
    parser.add_argument("--requeue-success-interval", dest="resync", type=duration, default=duration("20s"))
    parser.add_argument("--failure-base-delay", dest="base", type=duration, default=duration(base_delay))
    parser.add_argument("--failure-max-delay", dest="maximum", type=duration, default=duration("1000s"))
    parser.add_argument("--max-concurrent-reconciles", dest="workers", type=int, default=1)
    add_switch(parser, "--leader-elect", dest="leader_elect")
    return parser


def add_switch(parser: argparse.ArgumentParser, name: str, *, dest: str) -> None:
    """Add a boolean flag: bare, ``=true`` or ``=false``."""
    parser.add_argument(name, dest=dest, type=_boolean, nargs="?", const=True, default=False)


def duration(text: str) -> float:
    """Turn ``1m30s`` or ``100ms`` into seconds."""
    parts = DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        _refuse(f"{text!r} is not a duration such as 100ms or 1m30s")
    return float(sum(float(number) * UNITS[unit] for number, unit in parts))


def address(text: str) -> str | None:
    """Check ``host:port`` or ``:port``; ``0`` means that nothing is listened on."""
    if text == "0":
        return None
    if not re.fullmatch(r"[^:]*:\d+|\[.*\]:\d+", text):
        _refuse(f"{text!r} is not an address such as 127.0.0.1:8081 or :8081")
    return text


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "t", "1", "false", "f", "0"):
        _refuse(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "t", "1")


def _refuse(message: str) -> NoReturn:
    raise argparse.ArgumentTypeError(message)
