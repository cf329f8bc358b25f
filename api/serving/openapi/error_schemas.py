"""What error answers look like at each path: every dialect has its own form. Pure."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}

DIALECTS: dict[str, tuple[str, ...]] = {
    "DolbyError": ("/media", "/v1/auth"),
    "PipelynError": ("/api/media", "/api/health", "/api/usage"),
    "IttybitError": ("/jobs", "/tasks"),
}
"""The name of a dialect's error, and the paths below which it is answered; else it is `Error`."""


def name_at(path: str) -> str:
    """The name of the schema of errors at `path` (the whole path)."""
    for name, roots in DIALECTS.items():
        if any(path == root or path.startswith(root + "/") for root in roots):
            return name
    return "Error"


def schemas() -> dict[str, Schema]:
    """The schemas of the dialects' errors, by name. (`Error` is a model of `/v1`.)"""
    dolby = _object("Why a request was refused (RFC 9457).", "type title detail instance")
    dolby["properties"]["status"] = {"type": "integer"}
    dolby["required"].append("status")
    pipelyn = _object("Why a request was refused.", "error code")
    # Its synchronous call answers a form without a file without a code.
    pipelyn["required"].remove("code")
    ittybit = _object("Why a request was refused.", "kind message")
    return {"DolbyError": dolby, "PipelynError": pipelyn, "IttybitError": ittybit}


def _object(description: str, texts: str) -> Schema:
    names = texts.split()
    properties = {name: dict(_TEXT) for name in names}
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": names,
    }
