"""An operation run in this process, as a codec process runs it: for tests of operations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.media.catalogue import find_operation
from actors.media.operation import Limits, Result, Source, Work


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
    imported. Raises `UnknownOperation`, `InvalidInput` (number of inputs), `ValidationFailed`, and
    what the operation raises.
    """
    operation = find_operation(name)
    operation.check_input_count(len(inputs))
    checked = operation.parse(params or {})
    sources = [Source(Path(path), Path(path).name) for path in inputs]
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    return operation.run(Work(sources, checked, out_dir, threads, limits or Limits()))
