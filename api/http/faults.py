"""Faults of a request in the wording of pydantic v1, which VideoConduit's clients know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLAIN: dict[str, tuple[str, str]] = {
    "missing": ("field required", "value_error.missing"),
    "extra_forbidden": ("extra fields not permitted", "value_error.extra"),
    "string_type": ("str type expected", "type_error.str"),
    "int_type": ("value is not a valid integer", "type_error.integer"),
    "int_parsing": ("value is not a valid integer", "type_error.integer"),
    "int_from_float": ("value is not a valid integer", "type_error.integer"),
    "int_parsing_size": ("value is not a valid integer", "type_error.integer"),
    "float_type": ("value is not a valid float", "type_error.float"),
    "float_parsing": ("value is not a valid float", "type_error.float"),
    "finite_number": ("value is not a finite number", "value_error.number.not_finite"),
    "bool_type": ("value could not be parsed to a boolean", "type_error.bool"),
    "bool_parsing": ("value could not be parsed to a boolean", "type_error.bool"),
    "list_type": ("value is not a valid list", "type_error.list"),
    "dict_type": ("value is not a valid dict", "type_error.dict"),
    "model_type": ("value is not a valid dict", "type_error.dict"),
    "model_attributes_type": ("value is not a valid dict", "type_error.dict"),
    "none_required": ("value is not none", "type_error.none.allowed"),
    "datetime_parsing": ("invalid datetime format", "value_error.datetime"),
    "datetime_from_date_parsing": ("invalid datetime format", "value_error.datetime"),
    "datetime_type": ("invalid datetime format", "value_error.datetime"),
}

_BOUNDS: dict[str, tuple[str, str]] = {
    "greater_than": ("ensure this value is greater than {}", "value_error.number.not_gt"),
    "greater_than_equal": (
        "ensure this value is greater than or equal to {}",
        "value_error.number.not_ge",
    ),
    "less_than": ("ensure this value is less than {}", "value_error.number.not_lt"),
    "less_than_equal": (
        "ensure this value is less than or equal to {}",
        "value_error.number.not_le",
    ),
    "string_too_short": (
        "ensure this value has at least {} characters",
        "value_error.any_str.min_length",
    ),
    "string_too_long": (
        "ensure this value has at most {} characters",
        "value_error.any_str.max_length",
    ),
    "too_short": ("ensure this value has at least {} items", "value_error.list.min_items"),
    "too_long": ("ensure this value has at most {} items", "value_error.list.max_items"),
}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)


def plain_loc(fault: Mapping[str, Any], sent: Any) -> list[str | int]:
    """Where in `sent` the fault lies.

    pydantic also names the member of a union that it tried (`str`, the name of a model): whoever
    sent the request does not know those, and v1 did not tell them.
    """
    loc, found = list(fault["loc"]), list[str | int]()
    if fault["type"] == "json_invalid":
        return loc
    for place, part in enumerate(loc):
        known = range(len(sent)) if isinstance(sent, list) else sent
        if isinstance(sent, dict | list) and part in known:
            sent = sent[part]
            found.append(part)
        elif fault["type"] == "missing" and place == len(loc) - 1:
            found.append(part)
    return found


def pydantic_v1(fault: dict[str, Any]) -> dict[str, Any]:
    """A fault `{loc, msg, type}` of pydantic v2 as v1 would have put it.

    What v1 had no words for keeps its sentence, and its type behind `value_error.`
    """
    kind, message = fault["type"], fault["msg"]
    if kind in _PLAIN:
        message, kind = _PLAIN[kind]
    elif kind in _BOUNDS and (number := _NUMBER.search(message)):
        template, kind = _BOUNDS[kind]
        message = template.format(number[0])
    elif kind in ("literal_error", "enum"):
        permitted = message.removeprefix("Input should be ").replace(" or ", ", ")
        message, kind = f"unexpected value; permitted: {permitted}", "value_error.const"
    elif kind == "json_invalid":
        message, kind = "the body is not valid JSON", "value_error.jsondecode"
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
    elif not kind.startswith(("value_error", "type_error")):
        kind = f"value_error.{kind}"
    return {"loc": list(fault["loc"]), "msg": message, "type": kind}
