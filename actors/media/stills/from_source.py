"""A finished still in memory, made from an input that is an image or a video."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reelyard.actors.media.codec.geometry import Layout
from reelyard.actors.media.operation import Limits, Source
from reelyard.actors.media.stills.composition import Rgba, compose, decode_size
from reelyard.actors.media.stills.ffmpeg_still import coded_still
from reelyard.actors.media.stills.from_video import still_at
from reelyard.actors.media.stills.reader import Still, open_still


@dataclass(frozen=True)
class FinishedStill:
    """A still that is ready to be written, and the upright size (px) of what it was made from."""

    still: Still
    source_width: int
    source_height: int
    notes: tuple[str, ...] = ()
    """Remarks for the caller."""


FIRST_ONLY = "only the first frame or page of the input was taken"


def make_still(
    source: Source,
    plan: Callable[[int, int], Layout],
    *,
    limits: Limits,
    time_s: float = 0.0,
    background: Rgba | None = None,
    threads: int = 1,
) -> FinishedStill:
    """The image in `source`, or its frame at `time_s`, laid out as `plan(width, height)` says.

    `plan` gets the upright size, before anything is decoded of an image; it may raise. Raises what
    `open_still`, `coded_still` and `still_at` raise.
    """
    with open_still(source, limits) as opened:
        if opened is not None:
            layout = plan(opened.width, opened.height)
            still = compose(opened.load(decode_size(layout)), layout, background)
            notes = (FIRST_ONLY,) if opened.animated else ()
            return FinishedStill(still, opened.width, opened.height, notes)
    if source.sniffed.image:
        still = coded_still(source, limits)
    else:
        still = still_at(source, time_s, limits, threads)
    width, height = still.image.size
    return FinishedStill(compose(still, plan(width, height), background), width, height)
