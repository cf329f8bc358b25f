"""Verdicts on jobs, without any media."""

from __future__ import annotations

from typing import Any

import pytest

from tests.corpus import calls
from tests.corpus.calls import ALL, Call, calls_for
from tests.corpus.known import DECODES_ALTHOUGH_FAULTY, DIFFERENCES
from tests.corpus.manifest import Entry, Outcome
from tests.corpus.report import Share, files, jobs, met, rows_of
from tests.corpus.verdicts import Ended, deviation

FACTS = {
    "fmt": "mov,mp4",
    "dur": "4.000000",
    "streams": [
        {"codec_type": "video", "codec_name": "h264", "width": 320, "height": 180},
        {"codec_type": "audio", "codec_name": "aac", "sample_rate": "48000", "channels": 2},
    ],
}
PROBED = {
    "kind": "video",
    "duration_s": 4.0,
    "width": 320,
    "height": 180,
    "streams": [
        {"kind": "video", "codec": "h264", "width": 320, "height": 180},
        {"kind": "audio", "codec": "aac", "sample_rate": 48_000, "channels": 2},
    ],
}
CORRUPT = Ended("failed", "corrupt_media", "is damaged")
INTERNAL = Ended("failed", "internal", "KeyError")


def entry(outcome: Outcome = "must_succeed", path: str = "video/a.mp4", **fields: Any) -> Entry:
    valid = outcome in ("must_succeed", "should_succeed", "unsupported_clean")
    values = {"size": 1000, "valid": valid, "outcome": outcome, "facts": FACTS} | fields
    return Entry(path=path, **values)


def succeeded(data: dict[str, Any] | None = None, **output: Any) -> Ended:
    return Ended("succeeded", data=data or {}, output=output)


def verdict(outcome: Outcome, ended: Ended, call: Call = calls.TO_VIDEO) -> str | None:
    return deviation(entry(outcome), call, ended, PROBED)


def test_a_valid_file_must_succeed() -> None:
    assert verdict("must_succeed", succeeded()) is None
    assert verdict("must_succeed", CORRUPT) == "corrupt_media: is damaged"


def test_a_broken_file_must_fail_with_a_code_that_names_the_reason() -> None:
    assert verdict("must_fail", CORRUPT) is None
    assert verdict("must_fail", succeeded()) == "succeeded, although it is broken"


def test_what_is_there_of_a_cut_file_may_be_shown_when_it_is_called_so() -> None:
    assert verdict("must_fail", succeeded({"truncated": True}), calls.THUMBNAIL) is None
    assert verdict("must_fail", succeeded({"truncated": False}), calls.THUMBNAIL) is not None


def test_an_unsupported_file_is_not_called_damaged() -> None:
    assert verdict("unsupported_clean", Ended("failed", "unsupported_codec")) is None
    assert verdict("unsupported_clean", CORRUPT) is not None
    assert verdict("should_succeed", Ended("failed", "unsupported_format")) is None
    assert verdict("should_succeed", CORRUPT) is not None


@pytest.mark.parametrize("outcome", ["must_succeed", "must_fail", "either_clean"])
def test_faults_of_ours_and_jobs_without_an_end_are_never_allowed(outcome: Outcome) -> None:
    for code in ("internal", "worker_crashed", "stalled", "timed_out", "verification_failed"):
        assert verdict(outcome, Ended("failed", code)) is not None
    assert verdict(outcome, Ended("running")) == "did not end: running"


def test_a_probe_tells_what_ffprobe_told() -> None:
    good = succeeded(PROBED)
    assert deviation(entry(), calls.PROBE, good, PROBED) is None
    short = succeeded(PROBED | {"duration_s": 3.5})
    assert verdict("must_succeed", short, calls.PROBE) == "duration_s is 3.500, not 4.000"
    mute = succeeded(PROBED | {"streams": PROBED["streams"][:1]})  # type: ignore[index]
    assert verdict("must_succeed", mute, calls.PROBE) == "0 audio streams, not 1"


@pytest.mark.parametrize("path", sorted(DIFFERENCES))
def test_differences_that_are_known_do_not_count(path: str) -> None:
    odd = succeeded(PROBED | {"duration_s": 3.5})
    assert deviation(entry(path=path), calls.PROBE, odd, PROBED) is None


@pytest.mark.parametrize("path", sorted(DECODES_ALTHOUGH_FAULTY))
def test_faults_that_decoders_pass_over_are_known(path: str) -> None:
    assert deviation(entry("must_fail", path), calls.TO_VIDEO, succeeded(), None) is None


def test_an_output_has_the_length_of_its_input_or_the_one_asked_for() -> None:
    assert verdict("must_succeed", succeeded(duration_s=4.05)) is None
    assert verdict("must_succeed", succeeded(duration_s=3.0)) == "3.000 s long, not 4.000"
    assert verdict("must_succeed", succeeded(duration_s=2.0), calls.CLIP) is None
    assert verdict("must_succeed", succeeded(duration_s=4.0), calls.CLIP) is not None


def test_what_is_longer_than_its_subtitles_may_lose_them() -> None:
    text = {"codec_type": "subtitle", "codec_name": "subrip"}
    titled = entry(facts=FACTS | {"streams": [*FACTS["streams"], text]})
    for length_s, good in ((3.5, True), (1.0, False), (5.0, False)):
        found = deviation(titled, calls.TO_AUDIO, succeeded(duration_s=length_s), PROBED)
        assert (found is None) is good


def test_an_output_has_the_shape_of_its_input() -> None:
    assert verdict("must_succeed", succeeded(width=160, height=90)) is None
    wrong = verdict("must_succeed", succeeded(width=160, height=120))
    assert wrong == "160x120 of 320x180"
    assert verdict("must_succeed", succeeded(width=100, height=56), calls.IMAGE) is not None


def test_a_video_keeps_its_sound() -> None:
    for call in (calls.TO_VIDEO, calls.OPTIMIZE, calls.CLIP):
        assert verdict("must_succeed", succeeded(duration_s=4.0, video_codec="h264"), call)
    spoken = succeeded(duration_s=4.0, video_codec="h264", audio_codec="aac")
    assert verdict("must_succeed", spoken) is None


def test_any_file_but_an_empty_one_is_handed_on_unchanged() -> None:
    for outcome in ("must_succeed", "must_fail"):
        assert verdict(outcome, succeeded(bytes=1000), calls.EXPORT) is None
        assert verdict(outcome, succeeded(bytes=999), calls.EXPORT) == "999 bytes, not 1000"
        assert verdict(outcome, CORRUPT, calls.EXPORT) is not None
    empty = entry("must_fail", size=0)
    ended = Ended("failed", "empty_source")
    assert deviation(empty, calls.EXPORT, ended, None) is None


def test_everything_is_tried_on_broken_files_and_on_valid_ones_what_fits() -> None:
    assert calls_for(entry("must_fail")) == ALL
    assert calls.ENHANCE in calls_for(entry())
    mute = FACTS | {"streams": FACTS["streams"][:1]}
    assert calls.ENHANCE not in calls_for(entry(facts=mute))
    assert calls.MOSAIC not in calls_for(entry(path="image/a.png"))
    assert calls.TO_VIDEO not in calls_for(entry(path="speech/a.wav"))


def test_a_run_is_good_when_all_broken_and_nearly_all_valid_files_ended_as_they_should() -> None:
    good = {
        (entry(path=f"video/{n}.mp4"), calls.TO_VIDEO): succeeded(duration_s=4.0, audio_codec="aac")
        for n in range(100)
    }
    broken = (entry("must_fail", "broken/b"), calls.TO_VIDEO)
    ill = (entry(path="video/ill.mp4"), calls.TO_VIDEO)
    rows = rows_of({**good, broken: CORRUPT, ill: CORRUPT})
    assert files(rows, valid=True) == jobs(rows, calls.TO_VIDEO, valid=True) == Share(100, 101)
    assert met(rows)
    assert not met(rows_of({**good, broken: INTERNAL}))
    assert not met(rows_of({**dict(list(good.items())[:90]), ill: CORRUPT}))
