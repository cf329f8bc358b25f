"""Videos whose index promises key frames where there are none, or leads elsewhere."""

from __future__ import annotations

from pathlib import Path

import av

from reelyard.actors.testing.sample_media import make_sample

KINDS = [
    "vp9.webm", "h264.mkv", "h264.mp4", "h264.flv", "mpeg4.avi", "mpeg4.mkv", "shifted.mkv"
]  # fmt: skip
COUNT = 100


def with_false_key_frames(path: Path, vcodec: str) -> Path:
    """4 s at 25 frames a second of which only the first is a key frame, although the container
    says so of every tenth."""
    suffix = {"libvpx-vp9": ".webm", "mpeg4": ".avi"}.get(vcodec, ".mp4")
    plain = make_sample(
        path.with_name(f"plain{suffix}"), duration_s=4, gop=600, vcodec=vcodec, audio=False
    )
    return falsify_key_frames(plain, path)


def falsify_key_frames(plain: Path, path: Path) -> Path:
    """The streams of `plain` written to `path`, every tenth frame called a key frame."""
    options = {"flvflags": "add_keyframe_index"} if path.suffix == ".flv" else {}
    with av.open(str(plain)) as source, av.open(str(path), "w", options=options) as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        number = 0
        for packet in source.demux():
            if packet.size:
                video = packet.stream.type == "video"
                packet.is_keyframe = not video or number % 10 == 0
                number += video
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    return path


def with_shifted_cues(path: Path) -> Path:
    """4 s at 25 frames a second in Matroska, with cues that all lead further than they should."""
    data = bytearray(make_sample(path, duration_s=4, gop=25, audio=False).read_bytes())
    at = data.rindex(b"\x1c\x53\xbb\x6b")
    while (at := data.find(b"\xf1", at + 1)) >= 0:
        wide = data[at + 1] & 0x7F
        if data[at + 1] & 0x80 and wide <= 4:
            place = slice(at + 2, at + 2 + wide)
            data[place] = (int.from_bytes(data[place], "big") + 900).to_bytes(wide, "big")
    path.write_bytes(data)
    return path


def lying_video(folder: Path, name: str) -> Path:
    """The video of one of `KINDS`, 100 frames in 4 s."""
    vcodecs = {"vp9": "libvpx-vp9", "h264": "libx264", "mpeg4": "mpeg4"}
    vcodec = vcodecs.get(name.split(".", maxsplit=1)[0])
    path = folder / f"a{Path(name).suffix}"
    return with_shifted_cues(path) if vcodec is None else with_false_key_frames(path, vcodec)
