"""The calls that are tried on a file: every operation that its kind allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.corpus.manifest import Entry

SMALL_PX = 160
"""Outputs are small: what is tried is the input."""


@dataclass(frozen=True)
class Call:
    """An operation with its parameters."""

    name: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict, hash=False)


def _preview(kind: str, **params: Any) -> Call:
    return Call(f"preview {kind}", "preview", {"preview_type": kind, "width": SMALL_PX, **params})


PROBE = Call("probe", "probe")
EXPORT = Call("export", "export")
THUMBNAIL = _preview("thumbnail")
MOSAIC = _preview("mosaic", columns=2, rows=2)
GIF = _preview("gif", duration=1, fps=5)
CLIP = _preview("clip", duration=2)
IMAGE = Call("image", "image", {"width": SMALL_PX})
OPTIMIZE = Call("optimize", "optimize", {"preset": "mobile"})
ENHANCE = Call("enhance", "enhance")
TO_VIDEO = Call("transcode", "transcode", {"height": 90, "preset": "ultrafast"})
TO_AUDIO = Call("transcode audio", "transcode", {"format": "m4a"})

ALL = (
    *(PROBE, EXPORT, THUMBNAIL, IMAGE, MOSAIC, GIF, CLIP),
    *(TO_AUDIO, TO_VIDEO, OPTIMIZE, ENHANCE),
)
_BY_KIND = {
    "image": (PROBE, EXPORT, THUMBNAIL, IMAGE, OPTIMIZE),
    "audio": (PROBE, EXPORT, TO_AUDIO, ENHANCE),
    "video": tuple(call for call in ALL if call not in (TO_AUDIO, ENHANCE)),
}


def calls_for(entry: Entry) -> tuple[Call, ...]:
    """What is tried: all there is on broken files, of which nobody knows what they are."""
    if not entry.valid or entry.kind == "unknown":
        return ALL
    sound = (TO_AUDIO, ENHANCE) if entry.kind == "video" and entry.has_audio else ()
    return (*_BY_KIND[entry.kind], *sound)
