"""Tenants' credits as the registry sees them: the store's balance less what is on its way there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from reelyard.actors.jobs.ledger import LedgerEntry
from reelyard.actors.registry.repository import PendingWrite
from reelyard.actors.registry.store.protocol import JobStore
from reelyard.cluster.errors import BadRequest, InsufficientCredits


class Credits:
    """Sets credits aside before a charge is written, so that no two jobs spend the same.

    Every movement is begun by `reserve` or `refund`, and ended by `settled` or `doubtful`.
    """

    def __init__(
        self, store: JobStore, default_credits: int | None, clock_ms: Callable[[], int]
    ) -> None:
        self._store = store
        self._default = default_credits
        self._clock_ms = clock_ms
        self._balances: dict[str, int | None] = {}
        self._under_way: Counter[str] = Counter()
        """Movements that have not ended, by tenant."""
        self._reserved: Counter[str] = Counter()
        """The charges among them, in credits."""
        self._begun: Counter[str] = Counter()
        self._vague: set[str] = set()
        """Tenants whose balance was read while movements were under way."""

    async def load(self, tenant: str) -> None:
        """Read the tenant's balance; a tenant never seen gets the default credits."""
        while tenant not in self._balances:
            before = self._begun[tenant]
            balance = await self._read(tenant)
            busy = self._under_way[tenant] > 0
            if tenant in self._balances or (not busy and before != self._begun[tenant]):
                continue
            if busy:
                # Nobody knows which of them it holds: at worst it is too low, until they end.
                self._vague.add(tenant)
                balance = None if balance is None else balance - self._reserved[tenant]
            self._balances[tenant] = balance

    async def _read(self, tenant: str) -> int | None:
        balance = await self._store.balance(tenant)
        if balance is None and self._default is not None:
            await self._store.grant(self._entry(tenant, "grant:default", self._default))
            balance = await self._store.balance(tenant)
        return balance

    def reserve(self, tenant: str, credits: int) -> None:
        """Set credits aside (after `load`). Raises `InsufficientCredits`."""
        balance = self._balances[tenant]
        if balance is not None and balance < credits:
            raise InsufficientCredits(
                f"credits: this job costs {credits}, and {balance} are left",
                details={"needed": credits, "available": balance},
            )
        self._reserved[tenant] += credits
        self._begin(tenant, -credits)

    def refund(self, tenant: str, credits: int) -> None:
        """Credits are on their way back."""
        self._begin(tenant, credits)

    async def settle(
        self, writes: Sequence[PendingWrite], writing: Awaitable[list[bool]]
    ) -> list[bool]:
        """Wait until `writes` are written and end the movements in them; which were written."""
        try:
            kept = await writing
        except BaseException:
            for entry in (entry for write in writes for entry in write.ledger):
                self.doubtful(entry.tenant, entry.credits)
            raise
        for write, good in zip(writes, kept, strict=True):
            for entry in write.ledger:
                self.settled(entry.tenant, entry.credits, kept=good)
        return kept

    def settled(self, tenant: str, credits: int, *, kept: bool) -> None:
        """A movement (a charge is negative) has been written, or it came to nothing."""
        if not kept:
            self._add(tenant, -credits)
        self._end(tenant, credits)
        if tenant in self._vague:
            self.forget(tenant)

    def doubtful(self, tenant: str, credits: int) -> None:
        """Nobody knows whether a movement has been written."""
        self._end(tenant, credits)
        self.forget(tenant)

    def forget(self, tenant: str) -> None:
        """Read the balance anew next time."""
        self._balances.pop(tenant, None)
        self._vague.discard(tenant)

    def _begin(self, tenant: str, credits: int) -> None:
        self._under_way[tenant] += 1
        self._begun[tenant] += 1
        self._add(tenant, credits)

    def _end(self, tenant: str, credits: int) -> None:
        self._under_way[tenant] -= 1
        self._reserved[tenant] -= max(0, -credits)

    def _add(self, tenant: str, credits: int) -> None:
        balance = self._balances.get(tenant)
        if balance is not None:
            self._balances[tenant] = balance + credits

    async def grant(self, tenant: str, credits: int, grant_id: str) -> None:
        """Give credits; from then on the tenant's credits are limited. The same `grant_id` again
        gives nothing more. Raises `BadRequest`."""
        if credits < 0:
            raise BadRequest(f"credits: must be 0 or more, not {credits}")
        await self._store.grant(self._entry(tenant, f"grant:{grant_id}", credits))
        self.forget(tenant)

    def _entry(self, tenant: str, reason: str, credits: int) -> LedgerEntry:
        return LedgerEntry(tenant, "", reason, credits, self._clock_ms())
