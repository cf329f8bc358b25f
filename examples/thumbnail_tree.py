"""Thumbnails of every video below a folder, on as many workers as the cluster has.

    python examples/thumbnail_tree.py VIDEOS THUMBNAILS

Stop it and start it again as you like: what has its thumbnail already is passed over, and
`THUMBNAILS/results.csv` has a line for each file: path, state, thumbnail, bytes, error.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from rich.progress import track

from reelyard import JobView, State, connect, request

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".ts", ".mpg"}
COLUMNS = ["path", "state", "thumbnail", "bytes", "error"]


def thumbnail_of(video: Path, videos: Path, thumbnails: Path) -> Path:
    """Where a video's thumbnail goes: the same place in the other tree."""
    return thumbnails / video.relative_to(videos).with_suffix(video.suffix + ".jpg")


def row(job: JobView, video: Path) -> dict[str, object]:
    """A job's line in the results table."""
    output = job.outputs[0] if job.outputs else None
    return {
        "path": str(video),
        "state": job.state.value,
        "thumbnail": str(output.path or output.url) if output else "",
        "bytes": output.size if output else "",
        "error": f"{job.error.code}: {job.error.message}" if job.error else "",
    }


def earlier_rows(table: Path, again: set[str]) -> list[dict[str, str]]:
    """The lines of earlier runs, without those of files that are tried again."""
    if not table.exists():
        return []
    with table.open(newline="") as file:
        return [line for line in csv.DictReader(file) if line["path"] not in again]


def main() -> int:
    """Run the fan-out; 0 if every thumbnail was made, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("thumbnails", type=Path)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--address", help="a Ray cluster; default: this machine")
    options = parser.parse_args()
    videos: Path = options.videos.absolute()
    thumbnails: Path = options.thumbnails.absolute()

    everything = sorted(path for path in videos.rglob("*") if path.suffix.lower() in SUFFIXES)
    missing = [path for path in everything if not thumbnail_of(path, videos, thumbnails).exists()]
    print(f"{len(everything)} videos, {len(everything) - len(missing)} done already")
    if not missing:
        return 0
    thumbnails.mkdir(parents=True, exist_ok=True)
    table = thumbnails / "results.csv"
    rows = earlier_rows(table, {str(path) for path in missing})
    failed = 0
    with connect(options.address) as reelyard, table.open("w", newline="") as file:
        results = csv.DictWriter(file, COLUMNS)
        results.writeheader()
        results.writerows(rows)
        jobs = reelyard.submit_requests(
            [
                request(
                    "preview",
                    path,
                    params={"preview_type": "thumbnail", "width": options.width},
                    output=thumbnail_of(path, videos, thumbnails),
                )
                for path in missing
            ]
        )
        sources = {job.job_id: path for job, path in zip(jobs, missing, strict=True)}
        try:
            ended = reelyard.as_completed(jobs)
            for job in track(ended, total=len(jobs), description="thumbnails"):
                results.writerow(row(job, sources.pop(job.job_id)))
                file.flush()
                failed += not job.ok
        except KeyboardInterrupt:
            # Else they would go on, here or at the next start, beside those submitted again.
            reelyard.cancel_many(sources)
            for job in reelyard.wait_all(sources):
                if job.state is not State.CANCELLED:
                    results.writerow(row(job, sources[job.job_id]))
            print("stopped; the same command goes on")
            return 130
    print(f"{len(missing) - failed} made, {failed} failed; see {table}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
