"""The catalogue of operations: those that come with Reelyard, and the operator's own files."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from reelyard.actors.media.operation import Kind, Lane, Operation, Params, Result, Work
from reelyard.cluster.errors import BadRequest, UnknownOperation
from reelyard.cluster.faults import closest, details_of, did_you_mean, fault

_catalogue: dict[str, Operation] = {}


def operation[P: Params](
    name: str,
    *,
    params: type[P],
    lane: Lane | Callable[[P], Lane] = "cpu",
    kind: Kind | Callable[[P], Kind] = "video",
    inputs: tuple[int, int] = (1, 1),
    credits: int = 1,
) -> Callable[[Callable[[Work[P]], Result]], Callable[[Work[P]], Result]]:
    """Register a function as an operation.

    `lane` and `kind` may depend on the parameters. `inputs` is the least and the most number of
    input files. The summary is the first line of the parameters' docstring.
    """
    if not name.replace("_", "").isalnum() or not name.islower():
        raise ValueError(f"an operation's name is lower_case, not {name!r}")
    if isinstance(kind, str) and kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {get_args(Kind)}, not {kind!r}")

    def register(function: Callable[[Work[P]], Result]) -> Callable[[Work[P]], Result]:
        summary = (params.__doc__ or name).strip().splitlines()[0]
        _catalogue[name] = Operation(
            name=name,
            summary=summary,
            params=params,
            run=function,
            lane=lane if callable(lane) else lambda _: lane,
            kind=kind if callable(kind) else lambda _: kind,
            min_inputs=inputs[0],
            max_inputs=inputs[1],
            credits=credits,
        )
        return function

    return register


def load_operations(extra: Sequence[str] = ()) -> dict[str, Operation]:
    """Import every built-in operation and those that `extra` names (files or modules).

    Returns the catalogue by name. Raises `BadRequest` when an extra one can't be loaded.
    """
    for name in built_in_names():
        _load_builtin(name)
    for name in extra:
        _load_extra(name)
    return _catalogue


def _load_extra(name: str) -> None:
    module_name = f"reelyard_operation_{Path(name).stem}" if name.endswith(".py") else name
    if module_name in sys.modules:
        return
    try:
        if not name.endswith(".py"):
            importlib.import_module(name)
            return
        spec = importlib.util.spec_from_file_location(module_name, name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    except Exception as error:
        sys.modules.pop(module_name, None)
        raise BadRequest(f"operations: {name!r} can't be loaded: {error}") from error


def built_in_names() -> list[str]:
    """The operations that come with Reelyard, each in a file of its name; nothing is imported."""
    from reelyard.actors.media import operations

    return sorted(module.name for module in pkgutil.iter_modules(operations.__path__))


def _load_builtin(name: str) -> None:
    # All of them together take half a second to import.
    if name in built_in_names():
        importlib.import_module(f"reelyard.actors.media.operations.{name}")


def find_operation(name: str) -> Operation:
    """The operation of that name. Raises `UnknownOperation` with the names there are."""
    if name not in _catalogue:
        _load_builtin(name)
    if name not in _catalogue:
        load_operations()
    if (found := _catalogue.get(name)) is None:
        names = sorted(_catalogue)
        meant = closest(name, names)
        one = fault(
            ["operation"],
            f"there is no operation {name[:80]!r}{did_you_mean(meant)}; "
            f"there are: {', '.join(names)}",
            kind="not_allowed",
            value=name,
            allowed=names,
            suggestion=meant,
        )
        raise UnknownOperation(one["message"], details=details_of([one]) | {"operation": name[:80]})
    return found
