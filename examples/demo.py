"""What `make demo` runs: a real clip through the whole cluster, on this machine.

Makes a 20 s 1080p clip with audio, starts the embedded cluster, transcodes the clip to 720p
H.264/AAC, makes a thumbnail, a preview GIF and a probe of it, and prints what came out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from reelyard import JobRequest, Settings, connect, request, results_view
from reelyard.testing import make_sample

console = Console(soft_wrap=True, highlight=False)


def wanted(clip: Path, folder: Path) -> list[JobRequest]:
    """The four jobs of the demonstration."""
    return [
        request(
            "transcode",
            clip,
            params={"format": "mp4", "codec": "h264", "height": 720},
            output=folder / "clip-720p.mp4",
        ),
        request(
            "preview",
            clip,
            params={"preview_type": "thumbnail"},
            output=folder / "clip-thumbnail.jpg",
        ),
        request("preview", clip, params={"preview_type": "gif"}, output=folder / "clip.gif"),
        request("probe", clip),
    ]


def main() -> int:
    """Run the demonstration; 0 if every job succeeded."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("demo-output"))
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the clip")
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)

    clip = folder / "clip.mp4"
    if not clip.exists():
        console.print(f"making a sample clip: {options.seconds:g} s, 1920x1080, with audio")
        make_sample(clip, duration_s=options.seconds, width=1920, height=1080, fps=30)
    shown = options.folder / clip.name
    console.print(f"sample clip: {shown} ({clip.stat().st_size / 1e6:.1f} MB)")

    console.print("starting a cluster on this machine")
    with connect(settings=Settings(data_dir=folder / "cluster")) as reelyard:
        jobs = reelyard.submit_requests(wanted(clip, folder))
        ended = reelyard.progress(jobs, console=console)
    console.print()
    console.print(results_view(ended))
    console.print("\nthe cluster has stopped; nothing is left running")
    return 0 if all(job.ok for job in ended) else 1


if __name__ == "__main__":
    sys.exit(main())
