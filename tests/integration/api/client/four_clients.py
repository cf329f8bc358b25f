"""The Python client in its four forms, and what they answer, made comparable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from reelyard import AsyncClient, Client, JobView
from reelyard.cluster.errors import ReelyardError

#: differs by nature: over Ray an output is a `file:` URL, over HTTP a signed one that ends
URL = frozenset({"url"})
#: what is another one for each job
OF_ONE_JOB = frozenset(
    {"job_id", "name", "worker", "sha256", "updated_ms", "speed", "eta_s", "sizing"}
    | {"created_at", "started_at", "completed_at", "ended_at", "expires_at"}
)


@dataclass(frozen=True)
class FourClients:
    """A `Client` and an `AsyncClient`, each over Ray and over HTTP, of one cluster."""

    ray: Client
    http: Client
    async_ray: AsyncClient
    async_http: AsyncClient

    def all(self) -> dict[str, Client | AsyncClient]:
        """Each by what it is."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    async def answers(self, method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What each answers to the same call, or the error that it raises."""
        return {
            name: await answer(client, method, *args, **kwargs)
            for name, client in self.all().items()
        }

    async def agree(
        self, method: str, *args: Any, hide: frozenset[str] = frozenset(), **kwargs: Any
    ) -> Any:
        """What all four answer to a call that changes nothing: the same, field by field.

        What runs may move on between two calls: then they are asked again.
        """
        hide |= URL
        for _ in range(20):
            told = await self.answers(method, *args, **kwargs)
            last = await answer(self.ray, method, *args, **kwargs)
            if plain(last, hide) == plain(told["ray"], hide):
                break
        same(told, hide)
        return last


async def answer(client: Client | AsyncClient, method: str, *args: Any, **kwargs: Any) -> Any:
    """What `client.method(…)` gives, everything that it yields as a list; or the error."""
    call = getattr(client, method)
    try:
        if isinstance(client, Client):
            return await asyncio.to_thread(lambda: _all_of(call(*args, **kwargs)))
        made = call(*args, **kwargs)
        if isinstance(made, AsyncIterator):
            return [item async for item in made]
        return await made
    except (ReelyardError, RuntimeError) as error:
        return error


def _all_of(made: Any) -> Any:
    return list(made) if isinstance(made, Iterator) else made


def same(told: Mapping[str, Any], hide: frozenset[str] = frozenset()) -> None:
    """Assert that all answers are the same but for the fields of `hide`."""
    hide |= URL
    (_, first), *others = told.items()
    for name, other in others:
        found = list(differences(plain(first, hide), plain(other, hide)))
        assert not found, "\n".join([f"{name} answers otherwise:", *found])


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where two plain answers differ, and in what."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(mine, theirs, f"{place}[{index}]")
    elif one != other:
        yield f"{place}: {one!r} / {other!r}"


def plain(value: Any, hide: frozenset[str] = frozenset()) -> Any:
    """An answer as JSON, errors with all that they say; of hidden fields only their type."""
    match value:
        case ReelyardError():
            details = plain(value.details, hide)
            return [type(value).__name__, value.code, value.message, value.retryable, details]
        case RuntimeError():
            return [type(value).__name__, str(value)]
        case JobView():
            told = msgspec.to_builtins(value)
            del told["urls_expire_at"]
            return plain(told, hide)
        case Mapping():
            return {str(key): _field(str(key), item, hide) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, hide) for item in value]
        case _:
            return value


def _field(key: str, item: Any, hide: frozenset[str]) -> Any:
    return type(item).__name__ if key in hide else plain(item, hide)


@contextmanager
def paused(operate: httpx2.Client, pool: str) -> Iterator[None]:
    """A pool whose tasks wait."""
    operate.post(f"/v1/admin/pools/{pool}/pause").raise_for_status()
    try:
        yield
    finally:
        operate.post(f"/v1/admin/pools/{pool}/resume").raise_for_status()
