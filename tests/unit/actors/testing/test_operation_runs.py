"""Operations run in this process, for their tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from reelyard.actors.media import catalogue
from reelyard.actors.media.operation import Limits, MediaFile, Params, Result, Work
from reelyard.actors.testing.operation_runs import run_operation
from reelyard.actors.testing.sample_media import make_sample
from reelyard.cluster.errors import (
    InvalidInput,
    LimitExceeded,
    ReelyardError,
    UnknownOperation,
    ValidationFailed,
)


def test_an_operation_makes_its_files_in_the_folder_that_was_named(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "clip.mp4", duration_s=1)
    out = tmp_path / "new" / "out"
    result = run_operation("transcode", [clip], {"height": 90}, out_dir=out)
    assert [file.path for file in result.files] == [out / "clip.mp4"]
    assert result.files[0].facts["height"] == 90


def test_what_a_job_would_be_refused_for_is_raised(tmp_path: Path) -> None:
    clip = make_sample(tmp_path / "clip.mp4", duration_s=1)
    with pytest.raises(UnknownOperation):
        run_operation("sketch", [clip], out_dir=tmp_path / "o")
    with pytest.raises(InvalidInput):
        run_operation("probe", [clip, clip], out_dir=tmp_path / "o")
    with pytest.raises(ValidationFailed):
        run_operation("transcode", [clip], {"height": -1}, out_dir=tmp_path / "o")
    with pytest.raises(LimitExceeded):
        run_operation("probe", [clip], out_dir=tmp_path / "o", limits=Limits(max_pixels=100))


def test_a_result_that_no_job_could_keep_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_catalogue", dict(catalogue.load_operations()))

    class StrayParams(Params):
        """Break a promise."""

        how: str = Field(description="file or data")

    @catalogue.operation("stray", params=StrayParams)
    def stray(work: Work[StrayParams]) -> Result:
        if work.params.how == "data":
            return Result(data={"at": object()})
        return Result([MediaFile(work.input.path, "video")])

    assert catalogue.find_operation("stray").run is stray
    clip = make_sample(tmp_path / "clip.mp4", duration_s=0.2)
    with pytest.raises(ReelyardError, match="did not write"):
        run_operation("stray", [clip], {"how": "file"}, out_dir=tmp_path / "o")
    with pytest.raises(ReelyardError, match="can't be stored"):
        run_operation("stray", [clip], {"how": "data"}, out_dir=tmp_path / "o")
