"""Transcodes that fail or are cancelled: they say why, and leave nothing behind."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import av
import pytest

from reelyard.actors.media.operation import Limits, Progress, Source, Work
from reelyard.actors.media.operations.transcode import TranscodeParams
from reelyard.actors.media.operations.transcode import transcode as run
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    Cancelled,
    LimitExceeded,
    OutputUnwritable,
    StorageFull,
    TruncatedMedia,
)
from tests.unit.actors.media.conftest import SampleMaker
from tests.unit.actors.media.enhancements import run_enhance
from tests.unit.actors.media.videos import transcode


def test_a_file_that_is_cut_off_is_an_error_and_leaves_nothing(
    clips: SampleMaker, tmp_path: Path
) -> None:
    clip = clips("cut.mp4", faststart=True, keep=0.5, duration_s=5)
    with pytest.raises(TruncatedMedia, match=r"cut\.mp4.*cut off"):
        transcode(clip, tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []
    mkv = clips("cut.mkv", keep=0.5, duration_s=5)
    with pytest.raises(TruncatedMedia, match="cut off"):
        transcode(mkv, tmp_path / "o", format="mp4")


def test_damaged_packets_are_skipped_and_told(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "a.mkv", duration_s=4, acodec="flac")
    data = bytearray(clip.read_bytes())
    for at in range(60_000, len(data) - 5_000, 9_000):
        data[at : at + 40] = os.urandom(40)
    clip.write_bytes(data)
    result = transcode(clip, tmp_path / "o")
    assert result.files[0].facts["frames"] > 50
    assert any("damaged" in note for note in result.data["notes"])


@pytest.mark.parametrize(
    ("limits", "params"),
    [
        (Limits(max_frames=20), {}),
        (Limits(max_frames=60), {"fps": 60}),
        (Limits(max_output_bytes=5_000), {}),
        (Limits(max_pixels=60_000), {"width": 640}),
    ],
)
def test_limits_hold_while_the_output_is_made(
    clips: SampleMaker, tmp_path: Path, limits: Limits, params: dict[str, Any]
) -> None:
    with pytest.raises(LimitExceeded):
        transcode(clips(), tmp_path / "o", limits=limits, **params)
    assert list((tmp_path / "o").iterdir()) == []


def test_a_part_of_a_long_film_is_short_enough(clips: SampleMaker, tmp_path: Path) -> None:
    limits = Limits(max_duration_s=1)
    with pytest.raises(LimitExceeded, match="2 s long; at most 1 s") as refused:
        transcode(clips(), tmp_path / "o", limits=limits)
    assert refused.value.details["limit"] == "max_duration_s"
    assert transcode(clips(), tmp_path / "o", limits=limits, start=0.5, end=1.2).files


def test_the_progress_of_a_film_without_a_length_follows_its_bytes(
    clips: SampleMaker, tmp_path: Path
) -> None:
    endless = tmp_path / "endless.mkv"
    whole = clips(duration_s=8)
    with av.open(str(whole)) as source, av.open(str(endless), "w", options={"live": "1"}) as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    seen: list[float] = []

    class Watched(Progress):
        def __call__(self, *args: Any, **kwargs: Any) -> None:
            super().__call__(*args, **kwargs)
            if self.phase == "encode":
                seen.append(self.fraction)

    progress = Watched()
    transcode(endless, tmp_path / "o", progress=progress)
    assert progress.total_s is None
    assert len({round(share, 1) for share in seen}) > 4
    assert seen[-1] == pytest.approx(0.98, abs=0.02)
    seen.clear()
    run_enhance(endless, tmp_path / "e", format="wav", progress=Steps(seen))
    assert len({round(share, 2) for share in seen}) > 4


class Steps(Progress):
    """Notes how far the first reading of the input was each time."""

    def __init__(self, seen: list[float]) -> None:
        super().__init__()
        self.seen = seen

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        super().__call__(*args, **kwargs)
        if self.total_s is None:
            self.seen.append(self.fraction)


class StopsAt(Progress):
    """Cancels itself after some calls of a phase."""

    def __init__(self, wanted: str = "encode", after: int = 12) -> None:
        super().__init__()
        self.wanted, self.left = wanted, after

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self.left -= self.phase == self.wanted
        if self.left < 0:
            self.cancelled.set()
        super().__call__(*args, **kwargs)


@pytest.mark.parametrize("form", ["mp4", "webm", "mp3"])
def test_cancel_stops_all_threads_and_leaves_no_file(
    clips: SampleMaker, tmp_path: Path, form: str
) -> None:
    before = threading.active_count()
    with pytest.raises(Cancelled):
        transcode(clips(duration_s=8), tmp_path / "o", format=form, progress=StopsAt())
    assert threading.active_count() == before
    assert list((tmp_path / "o").iterdir()) == []


def test_a_cancel_while_the_finished_file_is_checked_is_a_cancel(
    clips: SampleMaker, tmp_path: Path
) -> None:
    with pytest.raises(Cancelled):
        transcode(clips(), tmp_path / "o", progress=StopsAt("package"))
    assert list((tmp_path / "o").iterdir()) == []


def test_progress_tells_time_and_never_goes_back(clips: SampleMaker, tmp_path: Path) -> None:
    seen = []

    class Watched(Progress):
        def __call__(self, *args: Any, **kwargs: Any) -> None:
            super().__call__(*args, **kwargs)
            seen.append((self.phase, self.done_s))

    progress = Watched()
    transcode(clips(), tmp_path / "o", progress=progress)
    encoded = [done for phase, done in seen if phase == "encode"]
    assert encoded == sorted(encoded)
    assert encoded[-1] > 1.8
    assert progress.total_s == pytest.approx(2.0)
    assert (seen[-1][0], progress.fraction) == ("package", 1.0)


def test_a_full_disk_and_a_missing_folder_are_told_apart(
    clips: SampleMaker, tmp_path: Path
) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no room"):
        transcode(clips(), tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []
    params = TranscodeParams(preset="ultrafast")
    work = Work([Source(clips(), "a.mp4")], params, tmp_path / "gone")
    with pytest.raises(OutputUnwritable, match=r"a\.mp4"):
        run(work)
