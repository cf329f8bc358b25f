"""`Idempotency-Key`: a POST that is sent again has the effect and the answer of the first.

Submits carry the key into the registry, where it is stored with the job. The few other POSTs that
change something keep their first answer in the object store for as long.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from reelyard.actors.jobs.model import JobSpec
from reelyard.actors.jobs.object_keys import answers_prefix
from reelyard.api.http.caller import Caller
from reelyard.api.http.services import Services
from reelyard.cluster.errors import Conflict, IdempotencyMismatch, NotFound
from reelyard.cluster.faults import wrong
from reelyard.cluster.url_secrets import hide_secrets

HEADER = "Idempotency-Key"
MAX_LENGTH = 255


class FirstAnswer(msgspec.Struct, frozen=True):
    """What a request with this key got; status 0: it is still being worked on."""

    fingerprint: str
    expires_ms: int
    status: int = 0
    body: str = ""
    secret: bool = False
    """The answer held a secret, so it was not kept."""


def key_of(request: Request) -> str | None:
    """The request's key. Raises `ValidationFailed` if it is not 1 to 255 printable characters."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 0 < len(key) <= MAX_LENGTH or not key.isprintable():
        taken = f"1 to {MAX_LENGTH} printable characters"
        raise wrong(HEADER, f"takes {taken}, not {key[:40]!r}", key, taken, place="header")
    return key


def fingerprint(request: Request, body: object) -> str:
    """A hash of what is asked for: the method, the path, and `body` whatever its field order.

    Secrets in URLs are left out: no hash of them is kept, and a URL that was signed anew is the
    same request.
    """
    # The standard encoder takes whatever its decoder has let through: a batch holds bad items, too.
    asked = [request.method, request.url.path, hide_secrets(body)]
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def keyed(spec: JobSpec, request: Request, body: BaseModel | list[str]) -> JobSpec:
    """`spec` under the request's key and the fingerprint of `body`; as it is without a key."""
    if (key := key_of(request)) is None:
        return spec
    sent = body if isinstance(body, list) else body.model_dump(mode="json", exclude_unset=True)
    return msgspec.structs.replace(
        spec, idempotency_key=key, fingerprint=fingerprint(request, sent)
    )


async def once(
    request: Request,
    services: Services,
    caller: Caller,
    body: object,
    act: Callable[[], Awaitable[Response]],
    *,
    secret: bool = False,
) -> Response:
    """`act()`, or what it answered when this key came first.

    `secret`: the answer must not be kept; then a second request is refused. Raises
    `IdempotencyMismatch`, and `Conflict` while the first request is still under way.
    """
    if key_of(request) is None:
        return await act()
    place, mine = _claim_of(request, services, caller, body)
    mine = msgspec.structs.replace(mine, secret=secret)
    if (first := await _claim(services, place, mine)) is not None:
        return _replay(first, mine)
    # A client that goes away ends this request; what it has begun must still be known by its key.
    working = asyncio.create_task(_work(services, place, mine, act))
    _under_way.add(working)
    working.add_done_callback(_under_way.discard)
    return await asyncio.shield(working)


_under_way: set[asyncio.Task[Response]] = set()
"""The event loop itself keeps tasks by weak references only."""


async def _work(
    services: Services, place: str, mine: FirstAnswer, act: Callable[[], Awaitable[Response]]
) -> Response:
    try:
        answer = await act()
    except BaseException:
        await services.storage.delete([place])
        raise
    kept = "" if mine.secret else bytes(answer.body).decode()
    done = msgspec.structs.replace(mine, status=answer.status_code, body=kept)
    await services.storage.put(place, msgspec.json.encode(done))
    return answer


@dataclass
class Pledge:
    """What a request under a key has done."""

    effects: int = 0
    """As long as there are none, the key is not used up."""


@asynccontextmanager
async def pledged(
    request: Request, services: Services, caller: Caller, body: object
) -> AsyncIterator[Pledge]:
    """Tie the request's key to `body`, for work whose parts carry keys of their own: the same body
    may come again at any time, another one is refused with `IdempotencyMismatch`."""
    pledge = Pledge()
    if key_of(request) is None:
        yield pledge
        return
    place, mine = _claim_of(request, services, caller, body)
    first = await _claim(services, place, mine)
    if first is not None and first.fingerprint != mine.fingerprint:
        raise IdempotencyMismatch
    yield pledge
    # Not after an error: parts of the work may have been done all the same.
    if first is None and not pledge.effects:
        await services.storage.delete([place])


def _claim_of(
    request: Request, services: Services, caller: Caller, body: object
) -> tuple[str, FirstAnswer]:
    """Where the request's key is kept, and what stands there while it is worked on."""
    # An admin's answer may say more than others may see.
    key = (key_of(request) or "").encode() + (b"\0admin" if caller.admin else b"")
    place = answers_prefix(caller.tenant) + hashlib.sha256(key).hexdigest()
    expires_ms = _now_ms() + round(services.settings.idempotency_ttl_hours * 3_600_000)
    return place, FirstAnswer(fingerprint=fingerprint(request, body), expires_ms=expires_ms)


async def _claim(services: Services, place: str, mine: FirstAnswer) -> FirstAnswer | None:
    """The answer there is; None: `mine` now stands there."""
    for _ in range(3):
        if await services.storage.put_if_absent(place, msgspec.json.encode(mine)):
            return None
        try:
            first = msgspec.json.decode(await services.storage.get(place), type=FirstAnswer)
        except NotFound:
            continue
        if first.expires_ms > _now_ms():
            return first
        # Of all who saw this one expire, one may put its own there: what is deleted or replaced
        # unasked may be another's fresh claim. The mark is swept with the old answers.
        if await services.storage.put_if_absent(f"{place}.after-{first.expires_ms}", b""):
            await services.storage.put(place, msgspec.json.encode(mine))
            return None
    raise Conflict("other requests with this idempotency key are under way")


def _replay(first: FirstAnswer, mine: FirstAnswer) -> Response:
    if first.fingerprint != mine.fingerprint:
        raise IdempotencyMismatch
    if first.status == 0:
        raise Conflict("the first request with this idempotency key is still under way")
    if first.secret:
        raise Conflict("this was done before, and its answer held a secret that is not kept")
    return Response(
        first.body,
        first.status,
        {"Idempotency-Replayed": "true"},
        media_type="application/json",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
