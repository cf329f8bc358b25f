"""The length of what comes out: as long as a player shows it, the last frame included."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from reelyard.actors.media.audio.pcm.blocks import frame_of
from reelyard.actors.media.codec.probe import probe_media
from reelyard.actors.media.operation import Work
from reelyard.actors.media.operations.optimize import OptimizeParams, optimize
from reelyard.actors.media.operations.preview import PreviewParams, preview
from reelyard.actors.testing.sample_media import make_sample
from tests.unit.actors.media.audio.audio_samples import tone
from tests.unit.actors.media.videos import (
    frames_of,
    held,
    restamped,
    samples_of,
    source,
    times_of,
    transcode,
)

B_PICTURES = {"codec": "libx264", "preset": "medium", "bf": "3", "b_strategy": "0"}


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images that are shown for 0.5, 1, 0.25 and 3 s."""
    return held(tmp_path_factory.mktemp("held") / "held.mp4", [50, 100, 25, 300])


@pytest.mark.parametrize(
    ("format", "codec", "preset"),
    [
        ("mp4", "h264", "medium"),
        ("mp4", "h264", "ultrafast"),
        ("mov", "h264", "medium"),
        ("mp4", "h265", "ultrafast"),
        ("mp4", "av1", "ultrafast"),
        ("webm", "vp9", "realtime-8"),
        ("mkv", "h264", "medium"),
    ],
)
def test_the_last_image_is_shown_as_long_as_in_the_source(
    slides: Path, tmp_path: Path, format: str, codec: str, preset: str
) -> None:
    [file] = transcode(slides, tmp_path / "o", format=format, codec=codec, preset=preset).files
    assert times_of(file.path) == pytest.approx([0, 0.5, 1.5, 1.75], abs=0.002)
    assert file.facts["duration_s"] == pytest.approx(4.75, abs=0.002)
    assert probe_media(file.path).duration_s == pytest.approx(4.75, abs=0.002)
    # It survives a second round, whose input has B pictures.
    [again] = transcode(file.path, tmp_path / "p").files
    assert again.facts["duration_s"] == pytest.approx(4.75, abs=0.002)


def test_optimize_keeps_the_last_image_too(slides: Path, tmp_path: Path) -> None:
    data = optimize(Work([source(slides)], OptimizeParams(), tmp_path)).data
    assert data["input_duration_s"] == data["output_duration_s"] == 4.75


def test_a_part_within_the_last_image_lasts_to_its_end(slides: Path, tmp_path: Path) -> None:
    [file] = transcode(slides, tmp_path / "o", start=2.75).files
    assert file.facts["duration_s"] == pytest.approx(2.0, abs=0.002)
    [part] = transcode(slides, tmp_path / "p", start=0.25, end=3.25).files
    assert times_of(part.path) == pytest.approx([0, 0.25, 1.25, 1.5], abs=0.002)
    assert part.facts["duration_s"] == pytest.approx(3.0, abs=0.002)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_an_image_that_is_held_among_b_pictures_does_not_count_twice(
    tmp_path: Path, suffix: str
) -> None:
    clip = held(tmp_path / f"a.{suffix}", [10] * 14 + [6000] + [10] * 15, **B_PICTURES)
    [file] = transcode(clip, tmp_path / "o", preset="medium").files
    assert file.facts["frames"] == 30
    assert file.facts["duration_s"] == pytest.approx(62.9, abs=0.02)
    data = optimize(Work([source(clip)], OptimizeParams(), tmp_path / "o")).data
    assert data["output_duration_s"] == pytest.approx(62.9, abs=0.02)


def test_images_that_begin_later_than_the_sound_stay_later(tmp_path: Path) -> None:
    sound = make_sample(tmp_path / "a.m4a", duration_s=2)
    clip = make_sample(tmp_path / "a.mp4", duration_s=2, audio=False)
    late = tmp_path / "late.mp4"
    with (
        av.open(str(sound)) as first,
        av.open(str(clip)) as second,
        av.open(str(late), "w") as out,
    ):
        inputs = [(container, container.streams[0]) for container in (first, second)]
        copies = [out.add_stream_from_template(stream) for _, stream in inputs]
        for (container, stream), copy, shift_s in zip(inputs, copies, (0.0, 0.6), strict=True):
            for packet in container.demux(stream):
                if packet.pts is not None and packet.dts is not None and packet.size:
                    shift = round(shift_s / float(packet.time_base))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copy
                    out.mux(packet)
    [file] = transcode(late, tmp_path / "o").files
    assert file.facts["duration_s"] == pytest.approx(2.6, abs=0.03)
    assert times_of(file.path)[0] == pytest.approx(0.6, abs=0.001)
    [silent] = transcode(late, tmp_path / "p", audio=False).files
    assert times_of(silent.path)[0] == pytest.approx(0.6, abs=0.001)


def test_h264_with_b_pictures_in_avi_keeps_every_frame(tmp_path: Path) -> None:
    clip = held(tmp_path / "b.avi", [1] * 75, **B_PICTURES)
    [file] = transcode(clip, tmp_path / "o").files
    assert len(frames_of(file.path)) == 75
    times = times_of(file.path)
    assert times[-1] - times[0] == pytest.approx(0.74, abs=0.002)


def test_a_recording_begins_with_its_sound(tmp_path: Path) -> None:
    """The decoder of Windows Media Audio gives nothing for the first packet."""
    recording = tmp_path / "a.wma"
    with av.open(str(recording), "w") as out:
        stream = out.add_stream("wmav2", rate=44_100, layout="mono", bit_rate=128_000)
        assert isinstance(stream, av.AudioStream)
        out.mux(stream.encode(frame_of(tone(440, -6, 1.5, rate=44_100), 44_100, "mono", 0)))
        out.mux(stream.encode(None))
    [file] = transcode(recording, tmp_path / "o", format="wav").files
    samples = samples_of(file.path)[0]
    assert abs(samples[:480]).max() > 0.01
    assert len(samples) / 48_000 <= 1.51


@pytest.mark.parametrize(
    ("suffix", "codecs"),
    [
        ("mkv", {}),
        ("wmv", {"vcodec": "wmv2", "acodec": "mp2"}),
        ("nut", {"vcodec": "mpeg4", "acodec": "mp2"}),
        ("flv", {"vcodec": "flv1", "acodec": "aac"}),
    ],
)
def test_a_recording_whose_clock_does_not_begin_at_zero_is_as_long_as_it_plays(
    tmp_path: Path, suffix: str, codecs: dict[str, str]
) -> None:
    plain = make_sample(tmp_path / f"plain.{suffix}", width=64, height=48, **codecs)  # type: ignore[arg-type]
    late = restamped(plain, tmp_path / f"late.{suffix}", 50)
    probed = probe_media(late)
    assert probed.start_s == pytest.approx(50, abs=0.1)
    assert probed.duration_s == pytest.approx(2, abs=0.1)
    made = transcode(late, tmp_path / "o")
    assert made.files[0].facts["duration_s"] == pytest.approx(2, abs=0.1)
    assert "truncated" not in made.data
    grid = PreviewParams(preview_type="mosaic", columns=2, rows=2, width=64)
    shown = preview(Work([source(late)], grid, tmp_path / "o")).data["timestamps"]
    assert len(set(shown)) == 4
