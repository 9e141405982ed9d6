"""Networks of 127.0.0.0/8, all of which is this host, reserved against every other cluster of it."""

import secrets
import socket
from ipaddress import IPv4Network
from types import TracebackType
from typing import Self

from kyma_harness.host.errors import NoNetworkLeftError

# Away from what systems keep below: 127.0.0.53 of systemd, 127.0.1.1 of Debian.
_FIRST, _LAST, _STEP = 64, 252, 2
_PURPOSE = "kyma-harness networks"


class LoopbackNetworks:
    """Two networks that are ours until `close` or the end of this process: one for pods, one for Services.

    The reservation is a socket of the kernel's abstract names, which users share and no crash leaves behind.
    """

    def __init__(self) -> None:
        """Reserve them; raises NoNetworkLeftError when other clusters have all of them."""
        count = (_LAST - _FIRST) // _STEP + 1
        begin = secrets.randbelow(count)
        for offset in range(count):
            number = _FIRST + _STEP * ((begin + offset) % count)
            if (held := _held(number)) is not None:
                self._held = held
                self.pods, self.services = _network(number), _network(number + 1)
                return
        raise NoNetworkLeftError(
            f"all {count} pairs of networks in 127.0.0.0/8 are taken: stop other clusters"
        )

    def close(self) -> None:
        """Give them back."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _network(number: int) -> IPv4Network:
    return IPv4Network(f"127.{number}.0.0/16")


def _held(number: int) -> socket.socket | None:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0{_PURPOSE} {_network(number)}")
    except OSError:
        claim.close()
        return None
    return claim
