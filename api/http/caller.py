"""The caller of a request, and the operator's token."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass

from reelyard.cluster.runtime.cluster_file import find_cluster
from reelyard.cluster.settings import Settings

DEFAULT_TENANT = "default"


@dataclass(frozen=True)
class Caller:
    """Whoever sent the request."""

    tenant: str
    key_id: str
    admin: bool
    read_only: bool = False

    @property
    def scope(self) -> str | None:
        """The tenant whose jobs it may name by id; None: anybody's."""
        return None if self.admin else self.tenant


class OperatorToken:
    """The token in `cluster.json`: whoever can read that file owns the cluster."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def matches(self, text: str) -> bool:
        """Whether `text` is the token of the running cluster."""
        cluster = await asyncio.to_thread(find_cluster, self._settings)
        token = cluster.token if cluster else ""
        return bool(token) and hmac.compare_digest(token.encode(), text.encode())
