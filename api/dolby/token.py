"""The token call: an API key against a bearer token that ends with it, or before."""

from __future__ import annotations

import base64
import binascii
import json
import re
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request

from reelyard.actors.jobs.messages import KeyInfo
from reelyard.api.dolby.answers import DolbyToken
from reelyard.api.http.services import Services
from reelyard.cluster.errors import BadRequest, Unauthorized, ValidationFailed

DEFAULT_LIFE_S = 1800
LONGEST_LIFE_S = 86_400
_LIFE = re.compile("[0-9]{1,9}")
_WRONG = "Invalid app key or app secret: the key is an API key's id or name, the secret its text"


async def issue_token(request: Request, services: Services) -> DolbyToken:
    """`{token_type, access_token, expires_in}` for whoever proves to hold an API key.

    App key and secret come by HTTP Basic or as `app_key` and `app_secret` in the query; the
    fields in a form, in JSON or in the query. Raises `Unauthorized`, `ValidationFailed`.
    """
    fields = dict(request.query_params) | _read_fields(await request.body())
    app_key, secret = _basic(request) or (fields.get("app_key", ""), fields.get("app_secret", ""))
    life_s = read_life(fields)
    info = await services.registry.accounts.keys.find(secret) if secret else None
    if info is None or not _same_key(app_key, info, secret):
        raise Unauthorized(_WRONG)
    token = services.signer.sign_token({"key_id": info.key_id}, life_s)
    return {"token_type": "Bearer", "access_token": token, "expires_in": life_s}


def read_life(fields: dict[str, str]) -> int:
    """Seconds that the token is to live. Raises `ValidationFailed`."""
    grant = fields.get("grant_type", "client_credentials")
    if grant != "client_credentials":
        raise ValidationFailed(f"grant_type: must be client_credentials, not {grant!r}")
    text = fields.get("expires_in", str(DEFAULT_LIFE_S))
    if not _LIFE.fullmatch(text) or not 1 <= int(text) <= LONGEST_LIFE_S:
        raise ValidationFailed(
            f"expires_in: must be 1 to {LONGEST_LIFE_S} seconds, not {text[:40]!r}"
        )
    return int(text)


def _same_key(app_key: str, info: KeyInfo, secret: str) -> bool:
    return app_key in (info.key_id, info.name, secret)


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized(_WRONG) from None
    name, _, secret = text.partition(":")
    return unquote(name), unquote(secret)


def _read_fields(body: bytes) -> dict[str, str]:
    text = body.decode(errors="replace").strip()
    if not text.startswith("{"):
        return dict(parse_qsl(text))
    try:
        return {name: str(value) for name, value in json.loads(text).items()}
    except (ValueError, RecursionError):
        raise BadRequest("the body is neither a form nor JSON") from None
