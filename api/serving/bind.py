"""The addresses that a server may bind: without a key, none that strangers reach."""

from __future__ import annotations

from reelyard.cluster.errors import BadRequest
from reelyard.cluster.fetching.address_checks import is_loopback
from reelyard.cluster.settings import Settings


def check_bind(settings: Settings, *, keys_are_needed: bool) -> None:
    """Raises `BadRequest` if binding `settings.host` would serve strangers without a key."""
    if not is_loopback(settings.host) and not keys_are_needed:
        raise BadRequest(
            f"host: {settings.host} is reachable from outside this machine and no API key exists; "
            "make one first with `reelyard keys create`, or bind 127.0.0.1"
        )
