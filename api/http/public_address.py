"""The address that links in answers begin with: the operator's, or one that can only mean us.

`Host` is the client's own text. In a signed link it would send whoever follows it, with the
signature, to wherever that text says.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from functools import lru_cache

import structlog

from reelyard.cluster.fetching.address_checks import is_address
from reelyard.cluster.settings import Settings

log = structlog.get_logger(__name__)

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
"""A name or an address, and a port (RFC 3986, 3.2.2, without what no server has)."""
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  names of "everywhere", not a bind


def link_base(settings: Settings, scheme: str, host: str | None) -> str:
    """Where links lead that are built for a request with that `Host`, without a final slash."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if host is not None and is_ours(host, machine_names(), settings.allowed_hosts):
        return f"{scheme}://{host}"
    found = bound_address(settings.host, settings.port)
    _teller.tell(host, found)
    return f"http://{found}"


def is_ours(host: str, names: Collection[str], allowed: Collection[str]) -> bool:
    """Whether `host`, as a client has sent it, is an address, a loopback name, one of `names` or
    one of `allowed` (`*.example.com` means all names below it)."""
    if (parts := _HOST.fullmatch(host)) is None:
        return False
    name = parts[1].strip("[]").lower().rstrip(".")
    if is_address(name) or name == "localhost" or name.endswith(".localhost"):
        return True
    return name in names or any(_matches(name, pattern.lower()) for pattern in allowed)


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and name != pattern[1:]
    return name == pattern.partition(":")[0]


@lru_cache(maxsize=1)
def machine_names() -> frozenset[str]:
    """The names that this machine has by itself: nobody is asked for them."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset(filter(None, (name, short, f"{short}.local" if short else "")))


def bound_address(host: str, port: int) -> str:
    """`host:port` of the server; where it is bound everywhere, an address of this machine."""
    if host in EVERYWHERE:
        host = _own_address()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=1)
def _own_address() -> str:
    try:
        # Nothing is sent: a connected datagram socket tells which address it would send from.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            found: str = probe.getsockname()[0]
            return found
    except OSError:
        return "127.0.0.1"


class _Teller:
    """Tells once in a process: a stranger may send any number of names."""

    told = False

    def tell(self, host: str | None, found: str) -> None:
        if self.told:
            return
        self.told = True
        log.warning(
            "links carry the bound address: set public_url to the URL that clients use, or add "
            "the name to allowed_hosts",
            host=(host or "")[:200],
            links=found,
        )


_teller = _Teller()
