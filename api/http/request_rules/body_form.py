"""Bodies that can't be read as JSON, and what is told of them: their type, their encoding, the byte
that is wrong."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from reelyard.cluster.errors import BadRequest, ReelyardError, UnsupportedType
from reelyard.cluster.faults import wrong

JSON = "application/json"


def wrong_encoding(request: Request) -> UnsupportedType | None:
    """That the body was packed: bodies are read as they come."""
    sent = request.headers.get("content-encoding", "identity").strip().lower()
    if sent in ("", "identity"):
        return None
    return _unsupported("Content-Encoding", "a body must come as it is", sent, ["identity"])


def wrong_type(error: RequestValidationError, request: Request) -> UnsupportedType | None:
    """That the body was not said to be JSON, if so: FastAPI hands such a body on as bytes."""
    if not isinstance(error.body, bytes):
        return None
    sent = request.headers.get("content-type", "")
    return _unsupported("Content-Type", f"must be {JSON}", sent, [JSON])


def unreadable_body(cause: BaseException, request: Request) -> ReelyardError:
    """Why the body could not be read, `cause` being what its reader raised."""
    if isinstance(cause, ReelyardError):
        return cause
    if (packed := wrong_encoding(request)) is not None:
        return packed
    if isinstance(cause, UnicodeDecodeError):
        byte = cause.object[cause.start]
        return wrong("body", f"must be UTF-8; byte {cause.start} is 0x{byte:02x}")
    if isinstance(cause, RecursionError):
        return wrong("body", "lists and objects are nested too deep")
    if isinstance(cause, ValueError):
        # Python 3.12 turns no more than 4,300 digits into an integer.
        return wrong("body", "a number in it has too many digits")
    return BadRequest("the body can't be read")


def _unsupported(header: str, words: str, sent: str, allowed: list[str]) -> UnsupportedType:
    told = repr(sent[:80]) if sent else "left out"
    return UnsupportedType(
        f"{header}: {words}, not {told}",
        details={"field": header, "value": sent[:80], "allowed": allowed},
    )
