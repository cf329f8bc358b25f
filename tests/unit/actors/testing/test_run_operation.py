"""An operation run in this process: with the checks and limits of a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from actors.media import catalogue
from actors.media.catalogue import operation
from actors.media.operation import Limits, MediaFile, Params, Result, Work
from actors.testing.run_operation import run_operation
from actors.testing.sample_media import make_sample
from cluster.errors import (
    InvalidInput,
    LimitExceeded,
    ReelyardError,
    UnknownOperation,
    ValidationFailed,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sample(tmp_path_factory.mktemp("run") / "clip.mp4", duration_s=1)


@pytest.fixture
def own_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue to which a test may add."""
    monkeypatch.setattr(catalogue, "_catalogue", dict(catalogue.load_operations()))


def test_an_operation_runs_and_its_files_are_there(clip: Path) -> None:
    result = run_operation("preview", clip, {"preview_type": "thumbnail", "width": 64})
    (file,) = result.files
    assert file.path.name == "clip.jpg"
    assert file.path.stat().st_size
    assert file.facts["width"] == 64


def test_its_files_go_where_they_are_wanted(clip: Path, tmp_path: Path) -> None:
    result = run_operation("export", [clip], out_dir=tmp_path / "out")
    assert [file.path.parent for file in result.files] == [tmp_path / "out"]
    with pytest.raises(ValueError, match="not empty"):
        run_operation("export", [clip], out_dir=tmp_path / "out")


def test_what_a_job_is_refused_for_is_raised(clip: Path) -> None:
    with pytest.raises(UnknownOperation):
        run_operation("sketch", clip)
    with pytest.raises(ValidationFailed, match="width"):
        run_operation("preview", clip, {"preview_type": "thumbnail", "width": -1})
    with pytest.raises(InvalidInput, match="1 input"):
        run_operation("probe", [clip, clip])


def test_limits_are_those_of_the_settings_or_the_given_ones(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LimitExceeded):
        run_operation("probe", clip, limits=Limits(max_duration_s=0.5))
    monkeypatch.setenv("REELYARD_MAX_PIXELS", "100")
    with pytest.raises(LimitExceeded):
        run_operation("probe", clip)


@pytest.mark.usefixtures("own_operations")
def test_a_file_elsewhere_and_data_that_is_no_json_are_refused(clip: Path) -> None:
    class StrayParams(Params):
        """Break a promise."""

        how: str = Field(description="file or data")

    @operation("stray", params=StrayParams)
    def stray(work: Work[StrayParams]) -> Result:
        if work.params.how == "data":
            return Result(data={"at": object()})
        return Result([MediaFile(work.input.path, "video")])

    with pytest.raises(ReelyardError, match="did not write"):
        run_operation("stray", clip, {"how": "file"})
    with pytest.raises(ReelyardError, match="can't be stored"):
        run_operation("stray", clip, {"how": "data"})
