import os
import socket
from pathlib import Path

import pytest

from kyma_harness.host.errors import PortTakenError
from kyma_harness.host.ports import PortPool, listener_on


def test_two_pools_never_give_the_same_port(tmp_path: Path) -> None:
    with PortPool(tmp_path) as one, PortPool(tmp_path) as other:
        ports = [pool.reserve() for pool in (one, other) for _ in range(50)]

    assert len(set(ports)) == 100


def test_a_port_reserved_by_another_pool_is_refused_and_its_holder_named(tmp_path: Path) -> None:
    with PortPool(tmp_path) as one, PortPool(tmp_path) as other:
        port = one.reserve()

        with pytest.raises(PortTakenError, match=f"port {port} .* reserved by process {os.getpid()}"):
            other.reserve(port)


def test_a_port_somebody_listens_on_is_refused_and_the_listener_named(tmp_path: Path) -> None:
    with socket.socket() as server, PortPool(tmp_path) as pool:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]

        with pytest.raises(PortTakenError, match=rf"port {port} .* in use by process {os.getpid()} \("):
            pool.reserve(port)


def test_a_port_is_free_again_after_its_release(tmp_path: Path) -> None:
    with PortPool(tmp_path) as one, PortPool(tmp_path) as other:
        port = one.reserve()
        one.release(port)

        assert other.reserve(port) == port


def test_who_listens_on_the_port_of_another_loopback_address_is_not_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.2", 0))
        server.listen()

        assert listener_on(server.getsockname()[1]) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])  # noqa: S104 - on both, 127.0.0.1 is listened on
def test_who_listens_on_every_address_is_named_too(address: str) -> None:
    with socket.socket() as server:
        server.bind((address, 0))
        server.listen()

        assert f"process {os.getpid()} (" in str(listener_on(server.getsockname()[1]))
