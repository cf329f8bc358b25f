"""Probes and transcodes of the real and hostile files beside the project, if they are there."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.corpus.facts import differences
from tests.corpus.known import DECODES_ALTHOUGH_FAULTY, DIFFERENCES
from tests.paths import CORPUS, ROOT

CHILDREN = 2
CHILD_LIMIT_S = 100

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the folder of real files is not here"),
]

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
    assert taken == DECODES_ALTHOUGH_FAULTY.keys()


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
        and differences(json.loads(row["facts"]), answer["info"])
    }
    assert different <= DIFFERENCES.keys()
    valid = sum(row["outcome"] == "must_succeed" for row, _ in results)
    assert len(different) <= valid * 0.12
