"""Videos that are cut off short, in each kind of container."""

from __future__ import annotations

from pathlib import Path

import av

from reelyard.actors.testing.sample_media import make_sample

SURE = [
    "a.mp4", "frag.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.flv", "a.asf", "a.mxf"
]  # fmt: skip
"""Of these the file itself tells that bytes are missing."""
SILENT = ["a.ts", "a.mpg"]
"""These promise nothing."""
CODECS = {".flv": "flv1", ".asf": "wmv2", ".mxf": "mpeg2video"}


def whole_film(folder: Path, name: str, *, duration_s: float = 4) -> Path:
    """4 s at 25 frames a second, a key frame each second, with audio where it costs nothing."""
    path = folder / name
    suffix = path.suffix
    if name == "frag.mp4":
        plain = make_sample(
            folder / "plain.mp4", duration_s=duration_s, width=96, height=64, audio=False
        )
        options = {"movflags": "frag_keyframe+empty_moov"}
        with av.open(str(plain)) as source, av.open(str(path), "w", options=options) as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
        return path
    return make_sample(
        path,
        duration_s=duration_s,
        width=96,
        height=64,
        vcodec=CODECS.get(suffix),
        audio=suffix not in CODECS,
        faststart=suffix in (".mp4", ".mov"),
    )


def cut_film(folder: Path, name: str, keep: float = 0.6) -> Path:
    """The first `keep` of the bytes of a video of 4 s."""
    path = whole_film(folder, name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def with_length(path: Path, duration_s: float) -> Path:
    """A Matroska file whose header tells that length, whatever is in it."""
    import struct

    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", duration_s * 1000)
    path.write_bytes(data)
    return path
