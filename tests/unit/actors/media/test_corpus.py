"""Probes and transcodes of the real and hostile files beside the project, if they are there."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.paths import CORPUS, ROOT

CHILDREN = 2
CHILD_LIMIT_S = 100

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the folder of real files is not here"),
]

DECODES_ALTHOUGH_FAULTY = {
    # The declared largest block is wrong, which FFmpeg and flac itself decode over.
    "broken/01 - wrong max blocksize.flac",
    # One of two tracks has no description; the video decodes whole.
    "broken/sample_missing_stsd.mp4",
}
DIFFERENCES = {
    # The facts were taken with another FFmpeg, by the header or the bit rate: guesses.
    "audio/sample.adts": "duration counted, not guessed",
    "broken/attack/mp4_metadata_xss.mp4": "audio is longer than the video",
    "broken/attack/mp4_trailing_html.mp4": "audio is longer than the video",
    "video/bt601.mov": "audio is longer than the video",
    "video/sample_rotate_and_reflect.mp4": "audio is longer; mirror and turn told apart",
    "video/sample_fragmented.mp4": "the header claims 143,165 s",
    "audio/sample_iamf.mp4": "decodes now",
    "image/hopper.Lab.tif": "the size is known now",
    "image/hopper_bigtiff.tif": "the size is known now",
    "image/sofa_grid1x5_420.avif": "the whole grid, not a tile",
    "image/sample_still_photo.heic": "opens now",
    "image/colors-animated-8bpc-alpha-exif-xmp.avif": "two more streams seen",
    "image/spinning-globe-unknown-loop-count.avif": "two streams seen",
    "image/hopper.ico": "the icon, not its inner bitmap",
    "image/rgb32rle.tga": "opened by its content, not by its suffix",
}


type Results = list[tuple[dict[str, str], dict[str, Any]]]


def manifest() -> list[dict[str, str]]:
    with (CORPUS / "MANIFEST.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def probe_all(paths: list[str], *mode: str) -> list[dict[str, Any]]:
    """Probe (or, in mode "transcode", shrink) in one child; a file that kills or hangs it is
    noted, and a new child goes on."""
    answers: list[dict[str, Any]] = []
    while len(answers) < len(paths):
        rest = paths[len(answers) :]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.actors.media.corpus_child", *mode],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            out, _ = child.communicate("\n".join(rest) + "\n", timeout=CHILD_LIMIT_S)
            fate = f"exit status {child.returncode}"
        except subprocess.TimeoutExpired:
            child.kill()
            out, _ = child.communicate()
            fate = "hung"
        answers += [json.loads(line) for line in out.splitlines()]
        if len(answers) < len(paths) and not (child.returncode == 0 and out):
            answers.append({"path": paths[len(answers)], "fate": fate})
    return answers


@pytest.fixture(scope="module")
def results() -> Results:
    rows = manifest()
    shares = [rows[number::CHILDREN] for number in range(CHILDREN)]
    with ThreadPoolExecutor(CHILDREN) as pool:
        answers = list(
            pool.map(lambda share: probe_all([str(CORPUS / row["path"]) for row in share]), shares)
        )
    return [
        pair
        for share, found in zip(shares, answers, strict=True)
        for pair in zip(share, found, strict=True)
    ]


def test_no_file_kills_or_hangs_the_process(results: Results) -> None:
    assert [answer for _, answer in results if "fate" in answer] == []


def test_hostile_files_end_a_transcode_cleanly_or_not_at_all() -> None:
    hostile = [str(CORPUS / row["path"]) for row in manifest() if row["expected"] == "broken"]
    answers = probe_all(hostile, "transcode")
    assert [answer for answer in answers if "fate" in answer] == []
    assert len(answers) == len(hostile)


def test_broken_and_unsupported_files_end_in_media_errors(results: Results) -> None:
    taken = {
        row["path"]
        for row, answer in results
        if row["outcome"] in ("must_fail", "unsupported_clean") and "error" not in answer
    }
    assert taken == DECODES_ALTHOUGH_FAULTY


def test_unsupported_files_are_not_called_damaged(results: Results) -> None:
    codes = {
        answer.get("error") for row, answer in results if row["outcome"] == "unsupported_clean"
    }
    assert codes <= {"unsupported_codec", "unsupported_format"}


def test_valid_files_are_all_read(results: Results) -> None:
    refused = {
        row["path"]: answer["error"]
        for row, answer in results
        if row["outcome"] == "must_succeed" and "error" in answer
    }
    assert refused == {}


def test_what_is_read_agrees_with_ffprobe_or_the_difference_is_known(results: Results) -> None:
    different = {
        row["path"]
        for row, answer in results
        if row["outcome"] == "must_succeed"
        and "info" in answer
        and differs(json.loads(row["facts"]), answer["info"])
    }
    assert different <= DIFFERENCES.keys()
    valid = sum(row["outcome"] == "must_succeed" for row, _ in results)
    assert len(different) <= valid * 0.12


def differs(facts: dict[str, Any], info: dict[str, Any]) -> bool:
    """Codec, size, rate, channels and stream counts; duration within 2 % or 40 ms."""
    for kind, fields in (
        ("video", ("codec", "width", "height")),
        ("audio", ("codec", "sample_rate", "channels")),
    ):
        told = [s for s in facts["streams"] if s["codec_type"] == kind]
        found = [s for s in info["streams"] if s["kind"] == kind]
        if len(told) != len(found):
            return True
        for theirs, ours in zip(told, found, strict=True):
            values = [theirs.get("codec_name" if f == "codec" else f) for f in fields]
            if [str(v) for v in values] != [str(ours[f]) for f in fields]:
                return True
    if facts["dur"] is None or info["kind"] == "image":
        return False
    told_s, found_s = float(facts["dur"]), info["duration_s"] or 0.0
    tolerance_s = max(0.02 * told_s, 0.04)
    if any(s["codec_type"] not in ("video", "audio") for s in facts["streams"]):
        # ffprobe counts from the first subtitle or datum on, we from the first picture or sound.
        return found_s > told_s + tolerance_s or not found_s
    return abs(told_s - found_s) > tolerance_s
