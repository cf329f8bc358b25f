"""An operation run in this process, as a codec process runs it: for tests of operations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from reelyard.actors.media.catalogue import find_operation
from reelyard.actors.media.operation import Limits, Result, Source, Work, check_result
from reelyard.cluster.errors import ReelyardError


def run_operation(
    name: str,
    inputs: Sequence[Path | str],
    params: dict[str, Any] | None = None,
    *,
    out_dir: Path | str,
    threads: int = 1,
    limits: Limits | None = None,
) -> Result:
    """What the operation `name` makes of local files: its data, and its files in `out_dir`.

    `params` are checked and completed as those of a job are, and `limits` (those of the default
    settings) hold. `out_dir` is made where it is missing. An operation of your own must have been
    imported. Raises `UnknownOperation`, `InvalidInput` (number of inputs), `ValidationFailed`,
    `ReelyardError` for a result that no job could keep, and what the operation raises.
    """
    operation = find_operation(name)
    operation.check_input_count(len(inputs))
    # A codec process gets them as JSON.
    told = operation.parse(params or {}).model_dump(mode="json")
    sources = [Source(Path(path), Path(path).name) for path in inputs]
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    work = Work(sources, operation.parse(told), out_dir, threads, limits or Limits())
    result = operation.run(work)
    check_result(name, result, out_dir)
    try:
        msgspec.json.encode(result.data)
    except (TypeError, ValueError, OverflowError) as error:
        raise ReelyardError("the operation gave a result that can't be stored") from error
    return result
