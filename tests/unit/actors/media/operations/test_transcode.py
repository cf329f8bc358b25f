"""Transcoding real files: what comes out is what was asked for."""

from __future__ import annotations

import os
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from actors.media.codec.probe import probe_media
from actors.media.operation import Limits, Progress, Source, Work
from actors.media.operations.transcode import TranscodeParams
from actors.media.operations.transcode import transcode as run
from actors.testing.sample_media import make_sample, plane_of
from cluster.errors import (
    Cancelled,
    CorruptMedia,
    LimitExceeded,
    MediaError,
    NoSuchStream,
    OutputUnwritable,
    StorageFull,
    UnsupportedOutput,
)
from tests.unit.actors.media.videos import frames_of, numbers_of, samples_of, times_of, transcode


@pytest.mark.parametrize(
    ("form", "codec", "audio", "expected"),
    [
        ("mp4", "h264", "aac", ("h264", "aac")),
        ("mp4", "h265", None, ("hevc", "aac")),
        ("mov", None, "pcm_s16le", ("h264", "pcm_s16le")),
        ("webm", None, None, ("vp9", "opus")),
        ("mkv", "av1", "flac", ("av1", "flac")),
        ("mp4", "av1", "opus", ("av1", "opus")),
        ("mkv", "vp9", "mp3", ("vp9", "mp3")),
    ],
)
def test_every_frame_arrives_at_its_own_time_in_every_codec(
    clips, tmp_path, form, codec, audio, expected
):
    clip = clips(vfr=True)
    result = transcode(clip, tmp_path / "o", format=form, codec=codec, audio_codec=audio)
    [file] = result.files
    assert (file.path.name, file.kind) == (f"a.{form}", "video")
    assert (file.facts["video_codec"], file.facts["audio_codec"]) == expected
    assert file.facts["frames"] == 50
    assert numbers_of(file.path) == list(range(50))
    assert times_of(file.path) == pytest.approx(times_of(clip), abs=0.002)


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("mp3", "mp3"),
        ("m4a", "aac"),
        ("aac", "aac"),
        ("ogg", "opus"),
        ("opus", "opus"),
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
    ],
)
def test_the_audio_of_a_video_becomes_a_file_of_its_own(clips, tmp_path, form, codec):
    [file] = transcode(clips(), tmp_path / "o", format=form).files
    assert (file.kind, file.facts["audio_codec"]) == ("audio", codec)
    assert "video_codec" not in file.facts
    assert file.facts["duration_s"] == pytest.approx(2.0, abs=0.1)
    if form in ("wav", "flac"):
        assert np.allclose(samples_of(file.path), samples_of(clips())[:, :96_000], atol=0.01)


def test_a_silent_video_stays_silent_and_audio_can_be_left_out(clips, tmp_path):
    silent = transcode(clips(audio=False), tmp_path / "o").files[0]
    muted = transcode(clips(), tmp_path / "p", audio=False).files[0]
    assert "audio_codec" not in silent.facts
    assert "audio_codec" not in muted.facts


def test_the_best_or_a_chosen_or_all_audio_tracks_are_kept(clips, tmp_path):
    clip = clips("a.mkv", audio_tracks=3)

    def languages(path):
        with av.open(str(path)) as container:
            return [s.metadata.get("language") for s in container.streams.audio]

    best = transcode(clip, tmp_path / "o", format="mp4").files[0]
    second = transcode(clip, tmp_path / "p", format="mp4", audio_track=1).files[0]
    everyone = transcode(clip, tmp_path / "q", format="mkv", audio_track="all").files[0]
    assert languages(best.path) == ["eng"]
    assert languages(second.path) == ["deu"]
    assert languages(everyone.path) == ["eng", "deu", "fra"]
    with pytest.raises(NoSuchStream, match="no track 7"):
        transcode(clip, tmp_path / "r", format="wav", audio_track=7)


def test_a_cover_is_not_the_video(clips, tmp_path):
    [file] = transcode(clips(attached_picture=True), tmp_path / "o").files
    assert (file.facts["width"], file.facts["frames"]) == (320, 50)
    with pytest.raises(NoSuchStream, match="no video"):
        transcode(clips("a.mp3", attached_picture=True), tmp_path / "p")


def test_surround_is_kept_or_mixed_down(clips, tmp_path):
    clip = clips(layout="5.1")
    kept = transcode(clip, tmp_path / "o").files[0]
    mixed = transcode(clip, tmp_path / "p", format="mp3", sample_rate=44_100).files[0]
    assert kept.facts["channels"] == 6
    assert (mixed.facts["channels"], mixed.facts["sample_rate"]) == (2, 44_100)


@pytest.mark.parametrize("name", ["a.mp4", "a.ts", "a.mkv", "a.mpg"])
def test_a_part_is_cut_to_the_frame_and_to_the_sample(clips, tmp_path, name):
    clip = clips(name)
    [file] = transcode(
        clip, tmp_path / "o", format="mov", start=0.5, end=1.5, audio_codec="pcm_s16le"
    ).files
    numbers = numbers_of(file.path)
    assert numbers == list(range(numbers[0], numbers[0] + 25))
    assert numbers[0] in (12, 13)
    assert samples_of(file.path).shape[1] == 48_000


def test_audio_is_cut_to_the_sample(clips, tmp_path):
    clip = clips("a.wav")
    [file] = transcode(clip, tmp_path / "o", format="wav", start=0.25, end=0.75).files
    assert np.array_equal(samples_of(file.path), samples_of(clip)[:, 12_000:36_000])


def test_a_part_behind_the_end_is_refused(clips, tmp_path):
    with pytest.raises(MediaError, match=r"2\.000 s long"):
        transcode(clips(), tmp_path / "o", start=5)
    assert list((tmp_path / "o").iterdir()) == []


def test_a_part_in_the_middle_of_a_long_frame_shows_that_frame(tmp_path):
    clip = make_sample(tmp_path / "a.mp4", fps=1, duration_s=6, audio=False)
    [file] = transcode(clip, tmp_path / "o", start=2.4, end=2.8).files
    assert numbers_of(file.path) == [2]


@pytest.mark.parametrize(("fps", "count"), [(10, 20), (60, 120), (29.97, 60)])
def test_a_constant_rate_shows_each_moment_with_the_frame_of_that_moment(
    clips, tmp_path, fps, count
):
    [file] = transcode(clips(vfr=True), tmp_path / "o", fps=fps).files
    assert file.facts["frames"] == count
    source_times = times_of(clips(vfr=True))
    for number, at in zip(numbers_of(file.path), times_of(file.path), strict=True):
        assert source_times[number] <= at + 0.3 / fps
        assert number + 1 == len(source_times) or source_times[number + 1] > at - 0.002


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_video_keeps_all_its_frames_at_its_own_rate(clips, tmp_path, name):
    clip = clips(name, fps=30, duration_s=1, audio=False)
    [file] = transcode(clip, tmp_path / "o", fps=30).files
    assert numbers_of(file.path) == list(range(30))
    assert times_of(file.path)[-1] == pytest.approx(29 / 30, abs=0.001)


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"height": 90}, (160, 90)),
        ({"width": "50%"}, (160, 90)),
        ({"width": 100, "height": 100}, (100, 56)),
        ({"width": 100, "height": 100, "fit": "cover"}, (100, 100)),
        ({"width": 100, "height": 100, "fit": "fill"}, (100, 100)),
        ({"width": 200, "height": 200, "background": "#ffffff"}, (200, 200)),
    ],
)
def test_sizes_and_fits(clips, tmp_path, params, size):
    [file] = transcode(clips(duration_s=0.4, audio=False), tmp_path / "o", **params).files
    assert (file.facts["width"], file.facts["height"]) == size


def test_bars_have_the_colour_asked_for(clips, tmp_path):
    clip = clips(duration_s=0.4, audio=False)
    [file] = transcode(clip, tmp_path / "o", width=200, height=200, background="FF0000").files
    frame = frames_of(file.path)[5]
    assert plane_of(frame)[:40].mean() == pytest.approx(63, abs=6)
    assert plane_of(frame, 2)[:20].mean() > 200


def test_a_long_gap_in_the_audio_becomes_silence_to_the_sample(tmp_path):
    rate, gap = 48_000, 5 * 48_000
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono")
        for start in (0, rate + gap):
            tone = np.full((1, rate), 8000, np.int16)
            frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    [file] = transcode(tmp_path / "a.mkv", tmp_path / "o", format="flac").files
    [samples] = samples_of(file.path)
    assert len(samples) == 2 * rate + gap
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    assert (loud[0], np.diff(loud).max(), loud[-1]) == (0, gap + 1, len(samples) - 1)


def test_several_inputs_are_joined_with_silence_where_one_has_no_audio(clips, tmp_path):
    inputs = [clips(), clips("a.ts", audio=False), clips(rotation=90, audio=False), clips("b.mkv")]
    [file] = transcode(inputs, tmp_path / "o", format="mov", audio_codec="pcm_s16le").files
    assert (file.facts["width"], file.facts["height"], file.facts["frames"]) == (320, 180, 200)
    times = times_of(file.path)
    assert times == sorted(times)
    assert numbers_of(file.path)[:100] == [*range(50), *range(50)]
    audio = np.abs(samples_of(file.path)).max(axis=0)
    assert len(audio) == pytest.approx(8 * 48_000, abs=2500)
    assert audio[int(2.2 * 48_000) : int(5.9 * 48_000)].max() < 0.001
    assert audio[int(6.2 * 48_000) :].max() > 0.1
    with pytest.raises(UnsupportedOutput, match="several inputs"):
        transcode(inputs[:2], tmp_path / "p", start=1)


def test_a_file_that_is_cut_off_is_an_error_and_leaves_nothing(clips, tmp_path):
    clip = clips("cut.mp4", faststart=True, keep=0.5, duration_s=5)
    with pytest.raises(CorruptMedia, match=r"cut\.mp4.*cut off"):
        transcode(clip, tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []
    mkv = clips("cut.mkv", keep=0.5, duration_s=5)
    with pytest.raises(CorruptMedia, match="cut off"):
        transcode(mkv, tmp_path / "o", format="mp4")


def test_damaged_packets_are_skipped_and_told(tmp_path):
    clip = make_sample(tmp_path / "a.mkv", duration_s=4, acodec="flac")
    data = bytearray(clip.read_bytes())
    for at in range(60_000, len(data) - 5_000, 9_000):
        data[at : at + 40] = os.urandom(40)
    clip.write_bytes(data)
    result = transcode(clip, tmp_path / "o")
    assert result.files[0].facts["frames"] > 50
    assert any("damaged" in note for note in result.data["notes"])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif"])
def test_an_image_has_no_audio_to_take(clips, tmp_path, suffix):
    with pytest.raises(NoSuchStream, match="no audio"):
        transcode(clips(f"a{suffix}"), tmp_path / "o", format="mp3")


@pytest.mark.parametrize(
    ("limits", "params"),
    [
        (Limits(max_frames=20), {}),
        (Limits(max_frames=60), {"fps": 60}),
        (Limits(max_output_bytes=5_000), {}),
        (Limits(max_pixels=60_000), {"width": 640}),
    ],
)
def test_limits_hold_while_the_output_is_made(clips, tmp_path, limits, params):
    with pytest.raises(LimitExceeded):
        transcode(clips(), tmp_path / "o", limits=limits, **params)
    assert list((tmp_path / "o").iterdir()) == []


class StopsAt(Progress):
    """Cancels itself after some calls of a phase."""

    def __init__(self, wanted="encode", after=12):
        super().__init__()
        self.wanted, self.left = wanted, after

    def __call__(self, *args, **kwargs):
        self.left -= self.phase == self.wanted
        if self.left < 0:
            self.cancelled.set()
        super().__call__(*args, **kwargs)


@pytest.mark.parametrize("form", ["mp4", "webm", "mp3"])
def test_cancel_stops_all_threads_and_leaves_no_file(clips, tmp_path, form):
    before = threading.active_count()
    with pytest.raises(Cancelled):
        transcode(clips(duration_s=8), tmp_path / "o", format=form, progress=StopsAt())
    assert threading.active_count() == before
    assert list((tmp_path / "o").iterdir()) == []


def test_a_cancel_while_the_finished_file_is_checked_is_a_cancel(clips, tmp_path):
    with pytest.raises(Cancelled):
        transcode(clips(), tmp_path / "o", progress=StopsAt("package"))
    assert list((tmp_path / "o").iterdir()) == []


def test_progress_tells_time_and_never_goes_back(clips, tmp_path):
    seen = []

    class Watched(Progress):
        def __call__(self, *args, **kwargs):
            super().__call__(*args, **kwargs)
            seen.append((self.phase, self.done_s))

    progress = Watched()
    transcode(clips(), tmp_path / "o", progress=progress)
    encoded = [done for phase, done in seen if phase == "encode"]
    assert encoded == sorted(encoded)
    assert encoded[-1] > 1.8
    assert progress.total_s == pytest.approx(2.0)
    assert (seen[-1][0], progress.fraction) == ("package", 1.0)


def test_a_full_disk_and_a_missing_folder_are_told_apart(clips, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "a.mp4").symlink_to("/dev/full")
    with pytest.raises(StorageFull, match="no room"):
        transcode(clips(), tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []
    params = TranscodeParams(preset="ultrafast")
    work = Work([Source(clips(), "a.mp4")], params, tmp_path / "gone")
    with pytest.raises(OutputUnwritable, match=r"a\.mp4"):
        run(work)


def test_titles_are_kept_and_what_describes_the_old_file_is_not(tmp_path):
    clip = make_sample(tmp_path / "a.mkv", tags={"title": "Sommer", "artist": "Anna"})
    [file] = transcode(clip, tmp_path / "o", format="mp4").files
    tags = probe_media(file.path).tags
    assert (tags["title"], tags["artist"]) == ("Sommer", "Anna")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_with_exif_comes_out_upright_and_its_profile_does_no_harm(tmp_path, orientation):
    from PIL import Image, ImageCms, ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(make_sample(tmp_path / "a.png")) as image:
        image.save(tmp_path / "a.jpg", exif=exif, icc_profile=profile)
    with Image.open(tmp_path / "a.jpg") as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L")).astype(int)
    [file] = transcode(tmp_path / "a.jpg", tmp_path / "o", format="mkv").files
    shown = plane_of(frames_of(file.path)[0]).astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright * 219 / 255 - 16).mean() < 8


def test_what_is_stored_behind_a_photo_is_not_part_of_it(tmp_path):
    photo, gain_map = (Image.new("RGB", (64, 32), colour) for colour in ("red", "blue"))
    photo.save(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        gain_map.save(file, "jpeg")
    [file] = transcode(tmp_path / "a.jpg", tmp_path / "o").files
    assert file.facts["frames"] == 1


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"big_tiff": True}),
        ("RGB", {"compression": "jpeg"}),
        ("CMYK", {"compression": "tiff_lzw"}),
        ("LAB", {}),
        ("F", {}),
        ("P", {}),
    ],
)
def test_photos_of_every_kind_become_videos_of_one_frame(tmp_path, mode, options):
    photo = Image.linear_gradient("L")
    (photo if mode == "F" else photo.convert("RGB")).convert(mode).save(
        tmp_path / "a.tiff", **options
    )
    [file] = transcode(tmp_path / "a.tiff", tmp_path / "o", crf=5).files
    [frame] = frames_of(file.path)
    rows = frame.to_ndarray(format="rgb24").mean(axis=(1, 2))
    assert rows[::32] == pytest.approx(range(0, 256, 32), abs=12)


def test_clear_pixels_of_a_photo_lie_on_white_or_on_the_background(tmp_path):
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "a.webp", exact=True)
    for number, (params, colour) in enumerate(
        [({}, (255, 255, 255)), ({"width": 64, "height": 64, "background": "#00f"}, (0, 0, 255))]
    ):
        [file] = transcode(tmp_path / "a.webp", tmp_path / f"{number}", **params).files
        [frame] = frames_of(file.path)
        assert frame.to_ndarray(format="rgb24")[30, 30] == pytest.approx(colour, abs=6)


def test_a_damaged_photo_is_called_damaged(tmp_path):
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:-2000])
    with pytest.raises(CorruptMedia, match=r"b\.png"):
        transcode(tmp_path / "b.png", tmp_path / "o")
    assert list((tmp_path / "o").iterdir()) == []


def test_bit_rates_are_kept_to_about(clips, tmp_path):
    clip = clips(duration_s=6, width=640, height=360)
    low = transcode(clip, tmp_path / "o", bitrate=200_000, audio_bitrate=32_000).files[0]
    high = transcode(clip, tmp_path / "p", bitrate=1_000_000, audio_bitrate=192_000).files[0]
    assert high.facts["size"] > 2.5 * low.facts["size"]


def test_the_name_of_the_input_is_the_name_of_the_output(clips, tmp_path):
    (tmp_path / "o").mkdir()
    source = Source(clips(), "Übung & Spaß? 100%d.final.MOV")
    [file] = run(Work([source], TranscodeParams(preset="ultrafast"), tmp_path / "o")).files
    assert file.path.name == "Übung & Spaß? 100%d.final.mp4"
    assert file.mime == "video/mp4"


def test_players_of_every_make_know_the_h265_of_mp4_and_mov(clips, tmp_path):
    clip = clips(duration_s=0.4, audio=False)
    for form in ("mp4", "mov"):
        [file] = transcode(clip, tmp_path / form, format=form, codec="h265").files
        with av.open(str(file.path)) as container:
            assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_a_slow_video_that_is_cut_between_two_frames_begins_with_a_frame(tmp_path):
    clip = make_sample(tmp_path / "a.mp4", fps=2, duration_s=4, audio=False)
    [file] = transcode(clip, tmp_path / "o", start=1.25).files
    assert numbers_of(file.path) == [2, 3, 4, 5, 6, 7]
    assert times_of(file.path)[:2] == [0, 0.25]


def write_pcm(path, layout, codec, samples):
    """A WAV file of `samples`: int32 (1, count x channels), interleaved."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=48_000, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format="s32", layout=layout)
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_flac_keeps_the_depth_of_the_source(tmp_path):
    samples = (np.arange(4800, dtype=np.int32) << 16)[None] + 256
    source = write_pcm(tmp_path / "a.wav", "mono", "pcm_s24le", samples)
    for form in ("flac", "mkv"):
        [file] = transcode(
            source, tmp_path / form, format="flac" if form == "flac" else "ogg", audio_codec="flac"
        ).files
        with av.open(str(file.path)) as container:
            found = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)
        assert np.array_equal(found, samples)


def test_raw_aac_takes_six_of_eight_channels(tmp_path):
    source = write_pcm(tmp_path / "a.wav", "7.1", "pcm_s24le", np.zeros((1, 8 * 4800), np.int32))
    [file] = transcode(source, tmp_path / "o", format="aac").files
    assert file.facts["channels"] == 6


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_track_much_shorter_than_the_rest_of_the_file_is_no_damage(tmp_path, name):
    brief = make_sample(tmp_path / "brief.mp4", duration_s=1)
    long = make_sample(tmp_path / "long.wav", duration_s=4)
    with (
        av.open(str(brief)) as short,
        av.open(str(long)) as audio,
        av.open(str(tmp_path / name), "w") as out,
    ):
        video = out.add_stream_from_template(short.streams.video[0])
        tracks = [out.add_stream("aac", rate=48_000, layout="stereo") for _ in range(2)]
        for packet in short.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for track, source in zip(tracks, (short, audio), strict=True):
            source.seek(0)
            for frame in source.decode(audio=0):
                out.mux(track.encode(frame))
            out.mux(track.encode(None))
    for number, (params, length) in enumerate(
        [({"audio_track": 0}, 1), ({"audio": False}, 1), ({"format": "mp3", "audio_track": 0}, 1)]
    ):
        [file] = transcode(tmp_path / name, tmp_path / f"{number}", **params).files
        assert file.facts["duration_s"] == pytest.approx(length, abs=0.1)


def test_chapters_move_with_the_part_that_is_cut_out(clips, tmp_path):
    with (
        av.open(str(clips())) as source,
        av.open(str(tmp_path / "a.mkv"), "w") as out,
    ):
        out.set_chapters(
            [
                {
                    "id": number,
                    "start": number * 500,
                    "end": number * 500 + 500,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": f"No. {number}"},
                }
                for number in range(4)
            ]
        )
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    for form in ("mp4", "mkv", "m4a", "mp3"):
        [file] = transcode(
            tmp_path / "a.mkv", tmp_path / form, format=form, start=0.7, end=1.6
        ).files
        with av.open(str(file.path)) as container:
            found = [
                (
                    chapter["metadata"]["title"],
                    *(
                        round(float(chapter[edge] * Fraction(chapter["time_base"])), 2)
                        for edge in ("start", "end")
                    ),
                )
                for chapter in container.chapters()
            ]
        assert found == [("No. 1", 0, 0.3), ("No. 2", 0.3, 0.8), ("No. 3", 0.8, 0.9)]


@pytest.mark.parametrize("form", ["mp4", "mkv"])
def test_the_default_track_stays_the_default(clips, tmp_path, form):
    clip = clips(duration_s=0.4, audio_tracks=2)
    with av.open(str(clip)) as source, av.open(str(tmp_path / "a.mkv"), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for stream, default in zip(copies.values(), (1, 0, 1), strict=True):
            stream.disposition = default
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)
    [file] = transcode(tmp_path / "a.mkv", tmp_path / "o", format=form, audio_track="all").files
    with av.open(str(file.path)) as container:
        assert [int(s.disposition) & 1 for s in container.streams] == [1, 0, 1]
