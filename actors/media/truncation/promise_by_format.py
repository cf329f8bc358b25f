"""The promise of any file: which reading is whose, by the name of FFmpeg's demuxer. A table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reelyard.actors.media.sniff import Sniffed
from reelyard.actors.media.truncation.block_formats import (
    flash_promise,
    gif_promise,
    png_promise,
    voc_promise,
)
from reelyard.actors.media.truncation.ebml import matroska_promise
from reelyard.actors.media.truncation.mp4 import mp4_promise
from reelyard.actors.media.truncation.other_formats import (
    asf_promise,
    flv_promise,
    mp3_promise,
    mxf_promise,
    ogg_promise,
)
from reelyard.actors.media.truncation.promise import Promise, Reading, read_promise
from reelyard.actors.media.truncation.riff import (
    aiff_promise,
    au_promise,
    avi_promise,
    caf_promise,
    real_promise,
    wav_promise,
    wave64_promise,
    webp_promise,
)

_READINGS: Mapping[str, Reading] = {
    "mov": mp4_promise,
    "matroska": matroska_promise,
    "wav": wav_promise,
    "avi": avi_promise,
    "w64": wave64_promise,
    "aiff": aiff_promise,
    "caf": caf_promise,
    "au": au_promise,
    "rm": real_promise,
    "flv": flv_promise,
    "asf": asf_promise,
    "mxf": mxf_promise,
    "mp3": mp3_promise,
    "ogg": ogg_promise,
    "gif": gif_promise,
    "apng": png_promise,
    "webp_anim": webp_promise,
    "voc": voc_promise,
    "swf": flash_promise,
}
ANIMATIONS = frozenset({"gif", "apng", "webp_anim"})
"""Demuxers of images that move."""
TOLD_BY_DEMUXER = frozenset(
    {"mov", "matroska", "flac", "aiff", "au", "caf", "wav", "avi", "w64", "rm", "mxf"}
    | {"ivf", "wv", "ape", "tta"}
)
"""Demuxers whose length is what the header says, and no guess by bit rate or last packets."""


def promise_of(path: Path, kind: Sniffed) -> Promise:
    """What the file at `path`, of that kind, promises of its end. Raises `OSError`."""
    return read_promise(path, _READINGS, kind.demuxer)
