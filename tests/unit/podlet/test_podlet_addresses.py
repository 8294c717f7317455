import ipaddress

import pytest

from tidegate_sandbox.podlet.addresses import Addresses, AddressesExhaustedError


def test_a_released_address_comes_back_only_after_all_others() -> None:
    addresses = Addresses("10.244.0.0/21")
    first = addresses.take("a")
    addresses.release("a", first)
    later = [addresses.take(f"pod-{index}") for index in range(700)]
    assert first not in later
    assert len(set(later)) == 700


def test_a_full_range_is_named_and_an_address_released_from_it_is_used_again() -> None:
    addresses = Addresses("10.244.0.0/21")
    taken = [addresses.take(str(index)) for index in range(6 * 254)]
    with pytest.raises(AddressesExhaustedError, match=r"10\.244\.0\.0/21"):
        addresses.take("one too many")
    addresses.release("5", taken[5])
    assert addresses.take("again") == taken[5]


def test_the_last_addresses_are_left_to_the_sandbox() -> None:
    addresses = Addresses("10.244.0.0/16")
    assert not addresses.adopt("api-server-like", "10.244.255.254")
    assert addresses.adopt("last", "10.244.254.255")
    assert addresses.take("next") == "10.244.1.1"


def test_the_first_addresses_are_left_to_the_nodes() -> None:
    addresses = Addresses("10.244.0.0/16")
    assert int(ipaddress.ip_address(addresses.take("a"))) >= int(ipaddress.ip_address("10.244.1.0"))
    assert addresses.node_address(0) != addresses.node_address(1)
    assert not addresses.adopt("node-like", addresses.node_address(0))


def test_an_adopted_address_is_not_given_to_another_pod() -> None:
    addresses = Addresses("10.244.0.0/16")
    assert addresses.adopt("old", "10.244.1.1")
    assert addresses.adopt("old", "10.244.1.1")
    assert not addresses.adopt("thief", "10.244.1.1")
    assert "10.244.1.1" not in [addresses.take(str(index)) for index in range(10)]


@pytest.mark.parametrize("address", ["192.0.2.1", "10.243.255.255", "not-an-address", "::1"])
def test_an_address_outside_the_range_is_not_adopted(address: str) -> None:
    assert not Addresses("10.244.0.0/16").adopt("a", address)


def test_only_the_holder_can_release() -> None:
    addresses = Addresses("10.244.0.0/16")
    address = addresses.take("a")
    addresses.release("b", address)
    assert len(addresses) == 1
