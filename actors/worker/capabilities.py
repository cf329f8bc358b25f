"""The abilities of a GPU worker's device: tried out at its start, not inferred.

Data-centre cards decode but have no encoder, few decode AV1, and a driver may be missing. The
trial runs in a process of its own (`python -m reelyard.actors.worker.capabilities`), because
drivers have crashed the ones that ask.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from contextlib import suppress

import structlog

log = structlog.get_logger()

DECODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
"""Codecs to try, with the software encoder that makes the trial clip."""
ENCODERS = ("h264_nvenc", "hevc_nvenc", "av1_nvenc")
SIZE = 256
FRAMES = 4


async def probe_capabilities(timeout_s: float = 60.0) -> list[str]:
    """`decode:<codec>` and `encode:<encoder>` for what works here; none if the trial fails."""
    return await asyncio.to_thread(_probe_in_child, timeout_s)


def _probe_in_child(timeout_s: float) -> list[str]:
    environment = os.environ | {
        "PYAV_LOGGING": "off",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    try:
        trial = subprocess.run(
            [sys.executable, "-m", "reelyard.actors.worker.capabilities"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=timeout_s,
            check=True,
        )
        found = json.loads(trial.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        log.warning("gpu_probe_failed", reason=repr(error))
        return []
    return [str(name) for name in found]


def try_all() -> list[str]:
    """Every capability that works in this process."""
    found = [f"decode:{codec}" for codec, maker in DECODERS.items() if _decodes(codec, maker)]
    return found + [f"encode:{name}" for name in ENCODERS if _encodes(name)]


def _decodes(codec: str, maker: str) -> bool:
    import av
    from av.codec.hwaccel import HWAccel

    with suppress(av.FFmpegError, OSError, ValueError, RuntimeError):
        clip = _clip(maker)
        accel = HWAccel("cuda", allow_software_fallback=False)
        # FFmpeg's own av1 decoder drives the device; the default one does not.
        chosen = None if codec == "av1" else accel
        with av.open(clip, "r", hwaccel=chosen) as container:
            if codec != "av1":
                frames = list(container.decode(video=0))
            else:
                decoder = av.VideoCodecContext.create("av1", "r", hwaccel=accel)
                decoder.extradata = container.streams.video[0].codec_context.extradata
                frames = [
                    frame for packet in container.demux(video=0) for frame in decoder.decode(packet)
                ]
            return len(frames) == FRAMES
    return False


def _clip(encoder: str) -> io.BytesIO:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(encoder, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(FRAMES):
            frame = av.VideoFrame(SIZE, SIZE, "yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def _encodes(encoder: str) -> bool:
    import av

    with suppress(av.FFmpegError, OSError, ValueError, RuntimeError):
        return bool(_clip(encoder).getbuffer().nbytes)
    return False


def main() -> None:
    """Print the capabilities as JSON."""
    sys.stdout.write(json.dumps(try_all()))


if __name__ == "__main__":
    main()
