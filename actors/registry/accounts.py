"""Tenants' credits as the registry sees them: the store's balance less what is on its way there."""

from __future__ import annotations

from collections.abc import Callable

from actors.registry.interface import JobStore, LedgerEntry
from cluster.errors import BadRequest, InsufficientCredits


class Accounts:
    """Reserves credits before a charge is written, so that no two jobs spend the same."""

    def __init__(
        self, store: JobStore, default_credits: int | None, clock_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._default = default_credits
        self._clock_ms = clock_ms
        self._balances: dict[str, int | None] = {}

    async def load(self, tenant: str) -> None:
        """Read the tenant's balance; a tenant never seen gets the default credits."""
        if tenant in self._balances:
            return
        balance = await self._store.balance(tenant)
        if balance is None and self._default is not None:
            await self._store.grant(self._entry(tenant, "grant:default", self._default))
            balance = await self._store.balance(tenant)
        self._balances.setdefault(tenant, balance)

    def reserve(self, tenant: str, credits: int) -> None:
        """Set credits aside (after `load`). Raises `InsufficientCredits`."""
        balance = self._balances[tenant]
        if balance is None:
            return
        if balance < credits:
            raise InsufficientCredits(
                f"this job costs {credits} credits, and {balance} are left",
                details={"needed": credits, "available": balance},
            )
        self._balances[tenant] = balance - credits

    def give_back(self, tenant: str, credits: int) -> None:
        """A refund, or a reservation that came to nothing."""
        balance = self._balances.get(tenant)
        if balance is not None:
            self._balances[tenant] = balance + credits

    def forget(self, tenant: str) -> None:
        """Read the balance anew next time: the outcome of a write is not known."""
        self._balances.pop(tenant, None)

    async def grant(self, tenant: str, credits: int, grant_id: str) -> None:
        """Give credits; from then on the tenant's credits are limited. The same `grant_id` again
        gives nothing more. Raises `BadRequest`."""
        if credits < 0:
            raise BadRequest(f"credits: must be 0 or more, not {credits}")
        await self._store.grant(self._entry(tenant, f"grant:{grant_id}", credits))
        self.forget(tenant)

    def _entry(self, tenant: str, reason: str, credits: int) -> LedgerEntry:
        return LedgerEntry(tenant, "", reason, credits, self._clock_ms())
