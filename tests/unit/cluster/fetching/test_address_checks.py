from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelyard.cluster.fetching.address_checks import is_loopback, why_forbidden


def words(text: str) -> list[str]:
    return text.split()


BYPASSES = words("""
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.9.9.9
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1
    192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250
    240.0.0.1 255.255.255.255 192.31.196.1 192.52.193.1 192.175.48.1
    :: ::1 ::2 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:7f00:1
    64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:20::1 2001:db8::1
    2002:7f00:1:: 2002:0808:0808::1 3fff::1 3ffe::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 fec0::1
    fe80::1%eth0 ff02::1 4000::1 8000::1 2620:4f:8000::1
    localhost example.com 127.1 0x7f000001 2130706433 0177.0.0.1
""")


@pytest.mark.parametrize("address", [*BYPASSES, "", " 8.8.8.8"])
def test_inner_addresses_are_refused_in_every_spelling(address: str) -> None:
    assert why_forbidden(address)


@pytest.mark.parametrize(
    "address",
    words("""1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 172.15.255.255
    172.32.0.1 192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.1 223.255.255.255
    2606:4700::1111 2a00:1450::1 2400:cb00::1 2001:4860:4860::8888 2003::1
    ::ffff:8.8.8.8 64:ff9b::8.8.8.8"""),
)
def test_global_addresses_are_let_through(address: str) -> None:
    assert why_forbidden(address) is None


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_alike_however_it_is_wrapped(value: int) -> None:
    plain = IPv4Address(value)
    refused = why_forbidden(str(plain)) is not None
    assert (why_forbidden(f"::ffff:{plain}") is not None) == refused
    assert (why_forbidden(f"64:ff9b::{plain}") is not None) == refused
    # Python's own table knows fewer ranges, but none that we let through.
    assert refused or plain.is_global


@given(st.integers(0, 2**128 - 1) | st.integers(0x2000 << 112, (0x4000 << 112) - 1))
def test_no_ipv6_address_is_let_through_that_python_calls_private(value: int) -> None:
    address = IPv6Address(value)
    assert why_forbidden(str(address)) is not None or address.is_global or address.ipv4_mapped


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost"])
def test_loopback_has_many_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "", "localhost.evil.example", "192.168.0.1"])
def test_other_names_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)
