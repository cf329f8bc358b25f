"""The line between public network addresses and those that no stranger's URL may reach. Pure.

The tables are the IANA special-purpose registries (RFC 6890, as updated), read strictly: what is
not plain global unicast is refused. Addresses that carry an IPv4 address are judged by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from reelyard.cluster.errors import SourceForbidden, SourceUnreadable

_BLOCKED_V4 = {
    IPv4Network("0.0.0.0/8"): "this network (RFC 791, section 3.2)",
    IPv4Network("10.0.0.0/8"): "private use (RFC 1918)",
    IPv4Network("100.64.0.0/10"): "carrier-grade NAT (RFC 6598)",
    IPv4Network("127.0.0.0/8"): "loopback (RFC 1122, section 3.2.1.3)",
    IPv4Network("169.254.0.0/16"): "link local, cloud metadata (RFC 3927)",
    IPv4Network("172.16.0.0/12"): "private use (RFC 1918)",
    IPv4Network("192.0.0.0/24"): "IETF protocol assignments (RFC 6890, section 2.1)",
    IPv4Network("192.0.2.0/24"): "documentation (RFC 5737)",
    IPv4Network("192.31.196.0/24"): "AS112 (RFC 7535)",
    IPv4Network("192.52.193.0/24"): "AMT (RFC 7450)",
    IPv4Network("192.88.99.0/24"): "6to4 relay anycast (RFC 7526)",
    IPv4Network("192.168.0.0/16"): "private use (RFC 1918)",
    IPv4Network("192.175.48.0/24"): "AS112 (RFC 7534)",
    IPv4Network("198.18.0.0/15"): "benchmarking (RFC 2544)",
    IPv4Network("198.51.100.0/24"): "documentation (RFC 5737)",
    IPv4Network("203.0.113.0/24"): "documentation (RFC 5737)",
    IPv4Network("224.0.0.0/4"): "multicast (RFC 5771)",
    IPv4Network("240.0.0.0/4"): "reserved, broadcast (RFC 1112, section 4; RFC 919)",
}

_GLOBAL_V6 = IPv6Network("2000::/3")
"""Global unicast (RFC 4291, section 2.4; the IANA allocations so far)."""

_BLOCKED_V6 = {
    IPv6Network("2001::/23"): "IETF protocol assignments, Teredo, ORCHID (RFC 2928, 4380, 7343)",
    IPv6Network("2001:db8::/32"): "documentation (RFC 3849)",
    IPv6Network("2002::/16"): "6to4 (RFC 3056, deprecated by RFC 7526)",
    IPv6Network("2620:4f:8000::/48"): "AS112 (RFC 7534)",
    IPv6Network("3fff::/20"): "documentation (RFC 9637)",
    IPv6Network("3ffe::/16"): "6bone (RFC 3701)",
}

_CARRIES_V4 = {
    IPv6Network("::ffff:0:0/96"): "IPv4-mapped (RFC 4291, section 2.5.5.2)",
    IPv6Network("64:ff9b::/96"): "NAT64 (RFC 6052)",
}
"""Reached through these, an IPv4 host stands behind the last 32 bits."""


def check_addresses(host: str, port: int, addresses: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise `SourceForbidden` unless every address of `host` is global.

    Raises `SourceUnreadable` if it has none.

    `allowed` holds `host:port` pairs that are exempt, IPv6 hosts in brackets.
    """
    shown = f"[{host}]" if ":" in host else host
    known = list(addresses)
    if not known:
        raise SourceUnreadable(f"the host {host!r} has no address")
    if f"{shown}:{port}".lower() in {entry.lower() for entry in allowed}:
        return
    for address in known:
        if why := why_forbidden(address):
            # The address stays out of the message: it would map the inner network.
            raise SourceForbidden(
                f"the host {host!r} is not on the public internet",
                internal=f"{host}:{port} is {address}: {why}",
            )


def is_address(host: str) -> bool:
    """Whether `host` is an IP address, not a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) is this machine itself."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def why_forbidden(address: str) -> str | None:
    """Why a connection to `address` (an IP address as text) is refused; None: it is global.

    Text that is not an IP address is refused too.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    if isinstance(parsed, IPv4Address):
        return _why_v4(parsed)
    return _why_v6(parsed)


def _why_v4(address: IPv4Address) -> str | None:
    return next((why for network, why in _BLOCKED_V4.items() if address in network), None)


def _why_v6(address: IPv6Address) -> str | None:
    for network, kind in _CARRIES_V4.items():
        if address in network:
            why = _why_v4(IPv4Address(int(address) & 0xFFFF_FFFF))
            return why and f"{why}, as {kind}"
    if address not in _GLOBAL_V6:
        return "not global unicast (RFC 4291)"
    return next((why for network, why in _BLOCKED_V6.items() if address in network), None)
