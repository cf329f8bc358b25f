"""Answers of a server, read: JSON, or the error of the class that its code names."""

from __future__ import annotations

from typing import Any

import httpx2

from reelyard.cluster.errors import NotFound, ReelyardError, Unavailable, error_from_dict


def json_of(answer: httpx2.Response) -> Any:
    """The JSON of an answer. Raises `Unavailable` where no Reelyard server speaks."""
    try:
        return answer.json()
    except ValueError:
        raise Unavailable(f"what answers at {answer.url} is no Reelyard server") from None


def error_of(answer: httpx2.Response) -> ReelyardError:
    """What a server's error answer says, as an exception of the class that its code names."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return Unavailable(f"{answer.url} answered {answer.status_code}")
    told = {
        "code": body.get("code"),
        "message": body.get("message"),
        "details": body.get("details"),
    }
    if answer.status_code == 404 and told["code"] is None:
        return NotFound(told["message"])
    return error_from_dict(told)
