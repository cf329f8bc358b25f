"""One run of an operation in this process: no cluster, but the checks and limits that it meets on
one."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from actors.media.catalogue import find_operation
from actors.media.operation import Limits, Progress, Result, Source, Work, check_result
from cluster.errors import ReelyardError

type PathLike = str | os.PathLike[str]


def run_operation(
    name: str,
    inputs: PathLike | Sequence[PathLike],
    params: dict[str, Any] | None = None,
    *,
    out_dir: PathLike | None = None,
    limits: Limits | None = None,
    threads: int = 1,
) -> Result:
    """What the operation makes of `inputs`, as a worker would take it.

    Its files lie in `out_dir`, which must be empty, or in a folder that goes when this process
    ends. `limits` are those of the settings (`REELYARD_MAX_PIXELS` …) unless others are given.
    Raises what a job is refused for or fails of, and whatever else the operation raises.
    """
    operation = find_operation(name)
    several = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    operation.check_input_count(len(several))
    # A worker gets them as JSON.
    told = operation.parse(params or {}).model_dump(mode="json")
    work = Work(
        inputs=[Source(Path(path), Path(path).name) for path in several],
        params=operation.parse(told),
        out_dir=_folder(out_dir),
        threads=threads,
        limits=limits or _limits(),
        progress=Progress(),
    )
    result = operation.run(work)
    check_result(name, result, work.out_dir)
    try:
        msgspec.json.encode(result.data)
    except (TypeError, ValueError, OverflowError) as error:
        raise ReelyardError("the operation gave a result that can't be stored") from error
    return result


def _limits() -> Limits:
    from actors.worker.codec_process.options import limits_of
    from cluster.settings import Settings

    return limits_of(Settings())


def _folder(out_dir: PathLike | None) -> Path:
    if out_dir is not None:
        folder = Path(out_dir)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty: an operation gets a folder of its own")
        return folder
    folder = Path(tempfile.mkdtemp(prefix="reelyard-operation-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
