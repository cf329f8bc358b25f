"""The status of a worker, as it tells the pool manager and whoever else asks."""

from __future__ import annotations

import msgspec


class LoopStatus(msgspec.Struct, frozen=True):
    """How a worker's loop stands."""

    held: int
    """Tasks leased and not yet done."""
    idle_s: float
    """For how long nothing was held; 0 while something is."""
    done: int
    draining: bool


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker's process, and how its loop stands."""

    slot: str
    incarnation: str
    pool: str
    node: str
    """The address of its machine."""
    node_id: str
    """Ray's id of it."""
    pid: int
    codec_pid: int | None
    """Its codec process; None: none is running."""
    cuda_devices: str | None
    """CUDA_VISIBLE_DEVICES; empty: none, None: all."""
    capabilities: list[str]
    """What its device was found to do; see `capabilities`."""
    loop: LoopStatus | None
    """None: it takes no tasks yet."""

    @property
    def held(self) -> int:
        """Tasks leased and not yet done."""
        return self.loop.held if self.loop else 0

    @property
    def idle_s(self) -> float:
        """For how long nothing was held, since it takes tasks."""
        return self.loop.idle_s if self.loop else 0.0
