from ipaddress import IPv4Network

import pytest

from kyma_harness.node.addresses import PodAddresses
from kyma_harness.node.errors import AddressError


def test_addresses_are_handed_out_once_each():
    addresses = PodAddresses(IPv4Network("10.244.0.0/29"))

    taken = [addresses.take() for _ in range(6)]

    assert taken == [f"10.244.0.{number}" for number in range(1, 7)]


def test_a_full_network_is_reported():
    addresses = PodAddresses(IPv4Network("10.244.0.0/30"))
    addresses.take()
    addresses.take()

    with pytest.raises(AddressError, match="every pod address of 10"):
        addresses.take()


def test_an_address_given_back_is_reused_last():
    addresses = PodAddresses(IPv4Network("10.244.0.0/29"))
    first = addresses.take()

    addresses.give_back(first)

    assert [addresses.take() for _ in range(6)][-1] == first
