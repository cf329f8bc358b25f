"""Authentication: a request's caller, by API key, by token, or as this machine's own program."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request

from reelyard.actors.jobs.messages import KeyInfo
from reelyard.api.http.caller import DEFAULT_TENANT, Caller
from reelyard.api.http.rate_limit import too_many
from reelyard.api.http.services import Services, services_of
from reelyard.cluster.errors import Forbidden, ReelyardError, Unauthorized
from reelyard.cluster.fetching.address_checks import is_loopback

_OF_PROXIES = (b"x-forwarded-for", b"x-real-ip", b"forwarded", b"via")
_SAFE = ("GET", "HEAD", "OPTIONS")
_OWNER = Caller(tenant=DEFAULT_TENANT, key_id="loopback", admin=True)


async def identify_caller(request: Request) -> Caller:
    """FastAPI dependency: whoever sent the request. Raises `Unauthorized`, `RateLimited`,
    and `Forbidden` for what changes something with a key that may only read."""
    state = request.state
    if (known := getattr(state, "caller", None)) is not None:
        found: Caller = known
        return found
    services = services_of(request)
    try:
        caller = await authenticate(request, services)
    except Unauthorized:
        await _count(request, services, address_key(request))
        raise
    state.caller = caller
    await _count(request, services, caller.key_id)
    if caller.read_only and request.method not in _SAFE:
        raise Forbidden(
            f"this key may only read: {request.method} needs one of the scope submit",
            details={"field": "scope", "value": "read", "allowed": ["submit", "admin"]},
        )
    return caller


async def _count(request: Request, services: Services, key: str) -> None:
    if services.settings.rate_limit_per_minute:
        rate = request.state.rate = await services.registry.accounts.count_request(key)
        if not rate.allowed:
            raise too_many(rate)


def address_key(request: Request) -> str:
    """What requests without a good key are counted under."""
    return f"address:{request.client.host if request.client else ''}"


async def identify_admin(request: Request) -> Caller:
    """FastAPI dependency: an admin. Raises `Unauthorized`, `Forbidden`."""
    caller = await identify_caller(request)
    if not caller.admin:
        raise Forbidden("this needs an admin's key")
    return caller


async def authenticate(request: Request, services: Services) -> Caller:
    """Who sent the request. Raises `Unauthorized`."""
    text = credential(request)
    if text is None:
        return await _keyless(request, services)
    if (key := await services.registry.accounts.keys.find(text)) is not None:
        return _holder(key)
    if text.count(".") == 2:
        return await _by_token(text, services)
    if await services.operator.matches(text):
        return Caller(tenant=DEFAULT_TENANT, key_id="operator", admin=True)
    raise Unauthorized


def credential(request: Request) -> str | None:
    """The key or token that came with the request, by Bearer or `x-api-key`; None: none did."""
    header = _header(request, b"authorization")
    if header is not None:
        scheme, _, text = header.partition(" ")
        return text.strip() if scheme.lower() == "bearer" else ""
    return _header(request, b"x-api-key")


async def _by_token(text: str, services: Services) -> Caller:
    try:
        claims = services.signer.read_token(text)
    except ReelyardError:
        raise Unauthorized from None
    key_id = str(claims.get("key_id", ""))
    # A token outlives no key: revoking the key ends it.
    key = await services.registry.accounts.keys.by_id(key_id)
    if key is None:
        raise Unauthorized
    return _holder(key)


def _holder(key: KeyInfo) -> Caller:
    return Caller(key.tenant, key.key_id, admin=key.admin, read_only=key.read_only)


async def _keyless(request: Request, services: Services) -> Caller:
    """Before the first key exists, this machine's own programs are the admin."""
    if (
        not is_loopback(services.settings.host)
        or await services.registry.accounts.keys.are_needed()
    ):
        raise Unauthorized
    client = request.client
    if client is not None and not is_loopback(client.host):
        raise Unauthorized
    # A page in a browser on this machine, or a proxy before this server, is not its owner.
    origin = _header(request, b"origin")
    host = _host_of(f"//{_header(request, b'host') or ''}")
    foreign = origin is not None and not is_loopback(_host_of(origin))
    # A browser sends no origin with the address of an image, and many a proxy no foreign host.
    foreign = foreign or _header(request, b"sec-fetch-site") == "cross-site"
    if foreign or not is_loopback(host) or any(_header(request, name) for name in _OF_PROXIES):
        raise Unauthorized(
            "Invalid or missing API key (without one, only http://127.0.0.1 or http://localhost "
            "is answered, and no proxy; make one with `reelyard keys create`)"
        )
    return _OWNER


def _header(request: Request, name: bytes) -> str | None:
    # `Headers.get` raises and catches for each header that is not there, in every request.
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


@lru_cache(maxsize=1024)
def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
