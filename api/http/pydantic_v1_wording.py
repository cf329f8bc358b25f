"""Faults in the wording of pydantic v1, which VideoConduit's clients know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: our kind of a fault: v1's sentence and type
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("field required", "value_error.missing"),
    "unknown": ("extra fields not permitted", "value_error.extra"),
    "not_text": ("str type expected", "type_error.str"),
    "not_integer": ("value is not a valid integer", "type_error.integer"),
    "not_number": ("value is not a valid float", "type_error.float"),
    "not_finite": ("value is not a finite number", "value_error.number.not_finite"),
    "not_boolean": ("value could not be parsed to a boolean", "type_error.bool"),
    "not_list": ("value is not a valid list", "type_error.list"),
    "not_object": ("value is not a valid dict", "type_error.dict"),
    "not_null": ("value is not none", "type_error.none.allowed"),
    "not_time": ("invalid datetime format", "value_error.datetime"),
    "not_json": ("the body is not valid JSON", "value_error.jsondecode"),
    "not_allowed": ("unexpected value; permitted: {permitted}", "value_error.const"),
    "pattern": ('string does not match regex "{limit}"', "value_error.str.regex"),
    "more_than": ("ensure this value is greater than {limit}", "value_error.number.not_gt"),
    "at_least": (
        "ensure this value is greater than or equal to {limit}",
        "value_error.number.not_ge",
    ),
    "less_than": ("ensure this value is less than {limit}", "value_error.number.not_lt"),
    "at_most": (
        "ensure this value is less than or equal to {limit}",
        "value_error.number.not_le",
    ),
    "text_too_short": (
        "ensure this value has at least {limit} characters",
        "value_error.any_str.min_length",
    ),
    "text_too_long": (
        "ensure this value has at most {limit} characters",
        "value_error.any_str.max_length",
    ),
    "list_too_short": (
        "ensure this value has at least {limit} items",
        "value_error.list.min_items",
    ),
    "list_too_long": ("ensure this value has at most {limit} items", "value_error.list.max_items"),
}


def pydantic_v1(fault: Mapping[str, Any]) -> dict[str, Any]:
    """A fault as `{loc, msg, type}`; what v1 had no words for keeps its sentence."""
    message, kind = _WORDS.get(fault["kind"], (fault["message"], "value_error"))
    if kind != "value_error":
        choices = fault.get("allowed")
        permitted = choices if isinstance(choices, str) else ", ".join(map(repr, choices or ()))
        message = message.format(limit=fault.get("limit"), permitted=permitted)
    return {"loc": list(fault["loc"]), "msg": message, "type": kind}
