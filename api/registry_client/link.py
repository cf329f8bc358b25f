"""Two ways to call the registry: across Ray, or straight in this process."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any, Protocol

import msgspec

from actors.registry.pickling import pack_list
from cluster.errors import Unavailable
from cluster.settings import Settings


class Link(Protocol):
    """Calls a method of the registry."""

    async def call(self, method: str, *args: Any) -> Any:
        """Its answer. Raises what it raises, and `Unavailable` while it can't be reached."""


class InProcess:
    """The registry as a plain object whose methods are coroutines; its answers are copies, as
    those that come across Ray are."""

    def __init__(self, registry: object) -> None:
        self._registry = registry

    async def call(self, method: str, *args: Any) -> Any:
        answer = await getattr(self._registry, method)(*args)
        return pickle.loads(pickle.dumps(answer))  # noqa: S301  made on the line before


class OverRay:
    """The registry as a named Ray actor; its handle is looked up again when it has died."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._handle: Any = None

    async def call(self, method: str, *args: Any) -> Any:
        import ray
        from ray.exceptions import RayActorError, RayError, RayTaskError

        if not ray.is_initialized():
            # At a call from outside any cluster Ray 2.60 starts a new one.
            raise Unavailable(internal="this process has left the Ray cluster")
        if self._handle is None:
            self._handle = await asyncio.to_thread(self._find)
        try:
            return await getattr(self._handle, method).remote(*map(_packed, args))
        except RayTaskError as error:
            # Ray's stand-in class is built at run time; callers want the error itself.
            raise error.cause from None
        except RayActorError as error:
            self._handle = None
            raise Unavailable(retry_after_s=1, internal=f"registry: {error}") from None
        except RayError as error:
            raise Unavailable(retry_after_s=2, internal=f"Ray: {error}") from None

    def _find(self) -> Any:
        from actors.registry import get_registry

        try:
            return get_registry(self._settings)
        except ValueError as error:
            raise Unavailable(retry_after_s=1, internal=f"registry: {error}") from None


def _packed(argument: Any) -> Any:
    """A list of records as one block of bytes; anything else as it is."""
    if isinstance(argument, list) and argument and isinstance(argument[0], msgspec.Struct):
        return pack_list(argument)
    return argument
