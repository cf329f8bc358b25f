"""The looks at store, storage and workers from which the registry's health is judged.

They are made beside the work, at most one at a time and each with a bound, so that a disk or a
store that hangs holds up nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from msgspec.structs import replace

from reelyard.actors.jobs.messages import Health
from reelyard.actors.registry.health import Bounds, Place, Seen, judge, refusal
from reelyard.cluster.errors import ReelyardError
from reelyard.cluster.settings import Settings

LOOK_S = 5.0
"""Longest wait for a look at a place; what needs more than two of them can't be used."""

NOT_USABLE = "it can't be reached or written; the registry's log says why"

log = structlog.get_logger(__name__)


class Crew(Protocol):
    """What is known of the workers."""

    def present(self) -> int:
        """How many are there."""

    def full(self) -> int:
        """How many of those have no room in their scratch."""

    def wanted(self) -> bool:
        """Whether there is a use for some."""

    def paused_pools(self) -> list[str]:
        """The pools that an operator has paused."""


class HealthWatch:
    """The present health: looked at every few seconds, told at once."""

    def __init__(
        self,
        settings: Settings,
        store: Callable[[], Awaitable[int | None]],
        storage: Callable[[], Awaitable[int | None]],
        crew: Crew,
        open_jobs: Callable[[], int],
    ) -> None:
        """`store` and `storage` tell the free bytes there (None: no limit known), and raise
        where nothing can be kept there."""
        self._looks = (store, storage)
        self._places = [Place(), Place()]
        self._looking: list[asyncio.Task[Place] | None] = [None, None]
        self._waited: set[asyncio.Task[Place]] = set()
        """Looks that have been waited for in vain already."""
        self._crew = crew
        self._open_jobs = open_jobs
        self._bounds = Bounds(settings.disk_reserve_bytes, settings.max_queued_jobs)
        self._told: Health | None = None

    def health(self) -> Health:
        """As of the last look, and of this moment's queue and workers."""
        seen = Seen(
            store=self._places[0],
            storage=self._places[1],
            workers=self._crew.present(),
            full_workers=self._crew.full(),
            wanted=self._crew.wanted(),
            open_jobs=self._open_jobs(),
        )
        health = judge(seen, self._bounds, self._told)
        if self._told is None or health.status != self._told.status:
            reasons = {part.name: part.reason for part in health.parts if not part.ok}
            log.info("health", status=health.status, reasons=reasons)
        self._told = health
        return replace(health, paused_pools=self._crew.paused_pools())

    def refusal(self) -> ReelyardError | None:
        """What a new job is refused with now."""
        seen = Seen(store=self._places[0], storage=self._places[1], open_jobs=self._open_jobs())
        return refusal(judge(seen, self._bounds, self._told))

    async def look(self) -> None:
        """Look at store and storage."""
        self._places = list(await asyncio.gather(self._place(0), self._place(1)))
        self.health()

    async def _place(self, number: int) -> Place:
        look = self._looking[number]
        if look is None or look.done():
            look = self._looking[number] = asyncio.create_task(_looked(self._looks[number]))
        # A hung look is not begun a second time: its thread may never end.
        begun = look in self._waited
        done, _ = await asyncio.wait({look}, timeout=LOOK_S)
        if done:
            self._waited.discard(look)
            return look.result()
        self._waited.add(look)
        # One slow answer of a store far away is no reason to refuse jobs.
        return Place(error=f"no answer in {2 * LOOK_S:g} s") if begun else self._places[number]


async def _looked(look: Callable[[], Awaitable[int | None]]) -> Place:
    try:
        return Place(free_bytes=await look())
    except Exception as error:  # noqa: BLE001  whatever it is, nothing can be kept there
        # Health is told without a key: names of folders and hosts stay in the log.
        log.warning(
            "health_look_failed", error=repr(error), internal=getattr(error, "internal", None)
        )
        return Place(error=NOT_USABLE)
