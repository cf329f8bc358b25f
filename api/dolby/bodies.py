"""The bodies that Dolby.io's documentation shows, as far as this server can honour them.

Every documented field is here; what can't be done is refused by name, never passed over.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reelyard.actors.media.audio import recording_kinds
from reelyard.api.http.bodies import Body, Url

Amount = Literal["low", "medium", "high", "max", "auto"]


class Region(Body):
    """A part of the media, in seconds."""

    start: float = Field(0.0, ge=0)
    end: float | None = Field(None, gt=0)


class Place(Body):
    """A location as an object."""

    url: Url
    auth: dict[str, Any] | None = None
    region: Region | None = None


Location = Url | Place


class Callback(Body):
    """`on_complete`."""

    url: str
    headers: dict[str, str] | list[str] | None = None
    body: Any = None


class Content(Body):
    """What the media is."""

    type: recording_kinds.Content | None = None


class Reduction(Body):
    """A clean-up that is switched on and off."""

    enable: bool = True
    amount: Amount | None = None


class Noise(Body):
    reduction: Reduction = Reduction(enable=True)


class Loudness(Body):
    """Levels in LKFS (target) and dBTP (peak).

    Loudness is measured by the gate of ITU-R BS.1770 and the peak is always the true one, which
    is never below the sample peak: `dialog_intelligence`, `speech_threshold` and
    `peak_reference` are taken and change nothing.
    """

    enable: bool = True
    dialog_intelligence: bool | None = None
    target_level: float | None = Field(None, ge=-40, le=-8)
    speech_threshold: int | None = Field(None, ge=0, le=100)
    peak_limit: float | None = Field(None, ge=-20, le=0)
    peak_reference: Literal["sample", "true"] | None = None


class Dynamics(Body):
    range_control: Reduction = Reduction(enable=True)


class HighPass(Body):
    """Cut-off frequency in Hz."""

    enable: bool = True
    frequency: float | None = Field(None, ge=20, le=500)


class Switch(Body):
    enable: bool = True


class Filter(Body):
    dynamic_eq: Switch | None = None
    high_pass: HighPass | None = None
    hum: Switch | None = None


class Isolation(Body):
    """Amount in per cent."""

    enable: bool = True
    amount: int | None = Field(None, ge=0, le=100)


class SpeechFlaw(Body):
    reduction: Reduction = Reduction(enable=True)


class Speech(Body):
    isolation: Isolation | None = None
    sibilance: SpeechFlaw | None = None
    plosive: SpeechFlaw | None = None
    click: SpeechFlaw | None = None


class Music(Body):
    detection: Switch | None = None


class Audio(Body):
    """What to do to the audio; a part that is absent is left to the content type."""

    noise: Noise | None = None
    loudness: Loudness | None = None
    dynamics: Dynamics | None = None
    filter: Filter | None = None
    speech: Speech | None = None
    music: Music | None = None


class EnhanceBody(Body):
    """`POST /media/enhance`."""

    input: Location
    output: Location
    content: Content = Content()
    audio: Audio = Audio()
    on_complete: Callback | None = None


class Segment(Body):
    """Seconds."""

    start: float = Field(0.0, ge=0)
    duration: float | None = Field(None, gt=0)


class TranscodeInput(Body):
    source: Location
    segment: Segment | None = None


class Destination(Body):
    """A location, or a file in one of the request's `storage` entries."""

    url: Url | None = None
    auth: dict[str, Any] | None = None
    ref: str | None = None
    filename: str | None = Field(None, max_length=1024)


class VideoOptions(Body):
    codec: str | None = None
    width: int | None = Field(None, ge=2, le=16384)
    height: int | None = Field(None, ge=2, le=16384)
    frame_rate: float | None = Field(None, gt=0, le=120)
    bitrate_mode: Literal["vbr", "cbr"] | None = None
    bitrate_kb: int | None = Field(None, ge=1, le=200_000)


class AudioOptions(Body):
    codec: str | None = None
    bitrate_kb: int | None = Field(None, ge=8, le=2000)
    channels: int | None = Field(None, ge=1, le=8)
    sample_rate: int | None = Field(None, ge=8000, le=192_000)


class ImageOptions(Body):
    width: int | None = Field(None, ge=1, le=16384)
    height: int | None = Field(None, ge=1, le=16384)
    offset_sec: float = Field(0.0, ge=0)


Kind = Literal["mp4", "webm", "mp3", "wav", "ogg", "png", "jpg", "hls", "dash"]


class TranscodeOutput(Body):
    id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    destination: Url | Destination
    kind: Kind
    video: VideoOptions | None = None
    audio: AudioOptions | list[AudioOptions] | None = None
    image: ImageOptions | None = None


class Bucket(Body):
    url: Url


class StoragePlace(Body):
    id: str
    bucket: Bucket
    auth: dict[str, Any] | None = None


class TranscodeBody(Body):
    """`POST /media/transcode`."""

    inputs: list[TranscodeInput] = Field(min_length=1)
    outputs: list[TranscodeOutput] = Field(min_length=1, max_length=20)
    storage: list[StoragePlace] = Field(default_factory=list)
    on_complete: Callback | None = None


class UrlBody(Body):
    """`POST /media/input` and `/media/output`."""

    url: Url
