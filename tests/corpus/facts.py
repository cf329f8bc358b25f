"""A probe beside what ffprobe told of the same file."""

from __future__ import annotations

from typing import Any

_FIELDS = {
    "video": {"codec": "codec_name", "width": "width", "height": "height"},
    "audio": {"codec": "codec_name", "sample_rate": "sample_rate", "channels": "channels"},
}
"""Fields of a probe's streams that are compared, and ffprobe's names of them."""


def tolerance_s(duration_s: float) -> float:
    """By how much two measures of a length may differ: 2 %, or a picture."""
    return max(0.02 * duration_s, 0.04)


def differences(facts: dict[str, Any], info: dict[str, Any]) -> list[str]:
    """What a probe (`info`) tells otherwise than ffprobe (`facts`): count, codec, size, rate and
    channels of streams, and the duration of what is no image."""
    found = [text for kind in _FIELDS for text in _of_streams(kind, facts, info)]
    if facts["dur"] is None or info["kind"] == "image":
        return found
    told_s, found_s = float(facts["dur"]), info["duration_s"] or 0.0
    allowed_s = tolerance_s(told_s)
    others = any(s["codec_type"] not in ("video", "audio") for s in facts["streams"])
    # ffprobe counts from the first subtitle or datum on, a probe from the first picture or sound.
    if others and found_s and found_s <= told_s + allowed_s:
        return found
    if abs(told_s - found_s) > allowed_s:
        found.append(f"duration_s is {found_s:.3f}, not {told_s:.3f}")
    return found


def _of_streams(kind: str, facts: dict[str, Any], info: dict[str, Any]) -> list[str]:
    told = [s for s in facts["streams"] if s["codec_type"] == kind]
    found = [s for s in info["streams"] if s["kind"] == kind]
    if len(told) != len(found):
        return [f"{len(found)} {kind} streams, not {len(told)}"]
    return [
        f"{field} of {kind} is {ours[field]}, not {theirs.get(name)}"
        for theirs, ours in zip(told, found, strict=True)
        for field, name in _FIELDS[kind].items()
        if str(theirs.get(name)) != str(ours[field])
    ]
