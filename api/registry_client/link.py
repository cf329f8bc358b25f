"""The way to the registry: a named Ray actor that may die, restart or fall silent."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec

from reelyard.actors.registry.pickling import pack_list
from reelyard.api.registry_client.silence import Silence
from reelyard.cluster.errors import Unavailable
from reelyard.cluster.settings import Settings


class RegistryLink(Protocol):
    """Calls methods of the registry."""

    async def call(self, method: str, *args: Any) -> Any:
        """The answer of that method. Raises what it raises, `Unavailable` while it can't be
        reached, and `NoAnswer` where it is there and says nothing."""


class RayLink:
    """The registry as a named Ray actor; its handle is looked up again when it has died."""

    def __init__(self, settings: Settings, silent_s: float) -> None:
        self._settings = settings
        self._handle: Any = None
        self._silence = Silence(lambda: self._begin("ping"), silent_s)

    async def call(self, method: str, *args: Any) -> Any:
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        if not ray.is_initialized():
            # At a call from outside any cluster Ray 2.60 starts a new one.
            raise Unavailable(internal="this process has left the Ray cluster")
        if self._handle is None:
            self._handle = await self._silence.bounded(asyncio.to_thread(self._find))
        try:
            return await self._silence.answer(lambda: self._begin(method, *map(_packed, args)))
        except RayTaskError as error:
            # Ray's stand-in class is built at run time; callers want the error itself.
            raise error.cause from None
        except RayActorError as error:
            self._handle = None
            raise Unavailable(retry_after_s=1, internal=f"registry: {error}") from None
        except RayError as error:
            raise Unavailable(retry_after_s=2, internal=f"Ray: {error}") from None

    def _begin(self, method: str, *args: Any) -> asyncio.Future[Any]:
        reference = getattr(self._handle, method).remote(*args)
        future: asyncio.Future[Any] = asyncio.wrap_future(reference.future())
        return future

    def _find(self) -> Any:
        from reelyard.actors.registry import get_registry

        try:
            return get_registry(self._settings)
        except ValueError as error:
            raise Unavailable(retry_after_s=1, internal=f"registry: {error}") from None


def _packed(argument: Any) -> Any:
    """A list of records as one block of bytes; anything else as it is."""
    if isinstance(argument, list) and argument and isinstance(argument[0], msgspec.Struct):
        return pack_list(argument)
    return argument
