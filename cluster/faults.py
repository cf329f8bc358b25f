"""What is wrong with a value that was sent, in one form for every surface: the field, the value,
what is allowed, and the name that was probably meant. Pure.

A fault is a dict, as it goes into the `details` of an error:

    {"field": "params.heigth", "loc": ["params", "heigth"], "kind": "unknown", "value": 720,
     "message": "there is no such field; did you mean height?", "suggestion": "height",
     "allowed": ["format", "height", ...]}
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from reelyard.cluster.allowed_values import Schema, allowed_values, names_at, schemas_at
from reelyard.cluster.errors import ReelyardError, ValidationFailed

Fault = dict[str, Any]
Loc = Sequence[str | int]
PLACES = ("body", "query", "path", "header", "cookie")
"""What a fault's `loc` may begin with, and its `field` does not."""
_LONGEST_VALUE = 200
_OF_ONE_FIELD = "reelyard_field"
"""pydantic's type of what `of_field` makes."""

#: pydantic's type of an error: our kind, and the sentence; `{}` is the bound
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "is required"),
    "extra_forbidden": ("unknown", "there is no such field"),
    "string_type": ("not_text", "must be text"),
    "path_type": ("not_text", "must be a path"),
    "int_type": ("not_integer", "must be a whole number"),
    "int_parsing": ("not_integer", "must be a whole number"),
    "int_from_float": ("not_integer", "must be a whole number"),
    "int_parsing_size": ("not_integer", "must be a whole number"),
    "float_type": ("not_number", "must be a number"),
    "float_parsing": ("not_number", "must be a number"),
    "finite_number": ("not_finite", "must be a finite number"),
    "bool_type": ("not_boolean", "must be true or false"),
    "bool_parsing": ("not_boolean", "must be true or false"),
    "list_type": ("not_list", "must be a list"),
    "tuple_type": ("not_list", "must be a list"),
    "dict_type": ("not_object", "must be an object"),
    "model_type": ("not_object", "must be an object"),
    "model_attributes_type": ("not_object", "must be an object"),
    "none_required": ("not_null", "must be left out"),
    "datetime_type": ("not_time", "must be an ISO 8601 time such as 2030-01-31T12:00:00Z"),
    "datetime_parsing": ("not_time", "must be an ISO 8601 time such as 2030-01-31T12:00:00Z"),
    "datetime_from_date_parsing": (
        "not_time",
        "must be an ISO 8601 time such as 2030-01-31T12:00:00Z",
    ),
    "literal_error": ("not_allowed", "must be one of {}"),
    "enum": ("not_allowed", "must be one of {}"),
    "greater_than": ("more_than", "must be more than {}"),
    "greater_than_equal": ("at_least", "must be at least {}"),
    "less_than": ("less_than", "must be less than {}"),
    "less_than_equal": ("at_most", "must be at most {}"),
    "string_too_short": ("text_too_short", "must have at least {} characters"),
    "string_too_long": ("text_too_long", "must have at most {} characters"),
    "too_short": ("list_too_short", "must have at least {} items"),
    "too_long": ("list_too_long", "must have at most {} items"),
    "string_pattern_mismatch": ("pattern", "must look like {}"),
    "json_invalid": ("not_json", "is not valid JSON"),
}
_TYPES = frozenset(kind for kind, _ in _WORDS.values() if kind.startswith("not_")) - {"not_allowed"}
"""Kinds of faults that say that a value has another type."""
_COUNTS = ("text_too_short", "text_too_long", "list_too_short", "list_too_long")
_BOUNDS = ("gt", "ge", "lt", "le", "min_length", "max_length", "pattern")


def fault(
    loc: Loc,
    message: str,
    *,
    kind: str = "invalid",
    value: object = None,
    allowed: str | Sequence[str] | None = None,
    suggestion: str | None = None,
    limit: object = None,
) -> Fault:
    """A fault at `loc`; what is None is left out."""
    told = {
        "value": shown(value),
        "allowed": allowed if allowed is None or isinstance(allowed, str) else list(allowed),
        "suggestion": suggestion,
        "limit": limit,
    }
    found = {"field": field_of(loc), "loc": list(loc), "kind": kind, "message": message}
    return found | {name: fact for name, fact in told.items() if fact is not None}


def faults_of(
    errors: ValidationError | Iterable[Any], schema: Schema, sent: object, *place: str
) -> list[Fault]:
    """pydantic's errors as faults. `schema` is that of the model that read `sent`; `place` comes
    before every fault's `loc`."""
    if isinstance(errors, ValidationError):
        errors = errors.errors(include_url=False)
    return [_fault_of(error, schema, sent, place) for error in errors]


def refusal(faults: Sequence[Fault], what: str = "") -> ValidationFailed:
    """The error for those faults, of which the first one's facts are its details."""
    # Of a union, the members that take another type than was sent have nothing to say.
    faults = [one for one in faults if not _of_another_type(one, faults)]
    by_field: dict[str, list[str]] = {}
    for one in faults:
        by_field.setdefault(one["field"], []).append(one["message"])
    text = "; ".join(
        ": ".join(filter(None, [field, _one_of(messages)])) for field, messages in by_field.items()
    )
    return ValidationFailed(f"{what}: {text}" if what else text, details=details_of(faults))


def details_of(faults: Sequence[Fault]) -> dict[str, Any]:
    """The `details` of an error with those faults."""
    first = faults[0] if faults else {}
    told = {
        name: first[name] for name in ("field", "value", "allowed", "suggestion") if name in first
    }
    return told | {"errors": list(faults)}


def unfit(
    model: type[BaseModel], error: ValidationError, sent: object, what: str = ""
) -> ValidationFailed:
    """The error for what `model` says about `sent`."""
    return refusal(faults_of(error, model.model_json_schema(), sent), what)


def wrong(
    field: str,
    sentence: str,
    value: object = None,
    allowed: str | Sequence[str] | None = None,
    place: str | None = None,
) -> ValidationFailed:
    """The error for one field, `sentence` being what is wrong with it."""
    loc = [*([place] if place else []), *field.split(".")]
    return refusal([fault(loc, sentence, value=value, allowed=allowed)])


def of_field(field: str, message: str, kind: str = "invalid") -> PydanticCustomError:
    """What a validator of a whole model raises about one of its fields: else the fault would lie at
    the model itself."""
    return PydanticCustomError(
        _OF_ONE_FIELD, "{message}", {"field": field, "message": message, "kind": kind}
    )


def told_of(
    error: ReelyardError,
    field: str,
    value: object = None,
    allowed: str | Sequence[str] | None = None,
) -> ReelyardError:
    """`error` with the field that it is about, in its message and its details; what it already
    tells stays."""
    if "field" in error.details or error.details.get("errors"):
        return error
    found = {"field": field, "value": shown(value), "allowed": allowed}
    details = {name: fact for name, fact in found.items() if fact is not None}
    begun = error.message.startswith(f"{field}:")
    return type(error)(
        error.message if begun else f"{field}: {error.message}",
        details=details | error.details,
        internal=error.internal,
        retry_after_s=error.retry_after_s,
    )


@contextmanager
def about(
    field: str, value: object = None, allowed: str | Sequence[str] | None = None
) -> Iterator[None]:
    """Whatever is refused inside is about `field`, where `value` was sent."""
    try:
        yield
    except ReelyardError as error:
        raise told_of(error, field, value, allowed) from None


def unknown(field: Loc, names: Iterable[str], value: object = None) -> Fault:
    """That a field has a name that there is not."""
    known = sorted(set(names))
    meant = closest(str(field[-1]), known)
    return fault(
        field,
        "there is no such field" + did_you_mean(meant),
        kind="unknown",
        value=value,
        allowed=known,
        suggestion=meant,
    )


def moved(one: Fault, *place: str) -> Fault:
    """The fault with `place` before its `loc`."""
    loc = [*place, *one["loc"]]
    return one | {"loc": loc, "field": field_of(loc)}


def field_of(loc: Loc) -> str:
    """`["body", "params", "height"]` as `params.height`."""
    inner = loc[1:] if len(loc) > 1 and loc[0] in PLACES else loc
    return ".".join(map(str, inner))


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant by `name`; None where none is like it."""
    by_lower = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str | None) -> str:
    """`; did you mean height?`, or nothing."""
    return f"; did you mean {name}?" if name else ""


def shown(value: object) -> object:
    """`value` as an error may show it: short; None for lists and objects."""
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    return value if isinstance(value, bool | int | float) else None


def plain_loc(error: Mapping[str, Any], sent: Any) -> list[str | int]:
    """Where in `sent` an error of pydantic's lies.

    pydantic also names the member of a union that it tried (`str`, the name of a model), which
    whoever sent the value does not know.
    """
    loc, found = list(error["loc"]), list[str | int]()
    if error["type"] == "json_invalid":
        return loc
    for place, part in enumerate(loc):
        known = range(len(sent)) if isinstance(sent, list) else sent
        if isinstance(sent, dict | list) and part in known:
            sent = sent[part]
            found.append(part)
        elif error["type"] == "missing" and place == len(loc) - 1:
            found.append(part)
    return found


def _of_another_type(one: Fault, others: Iterable[Fault]) -> bool:
    depth = len(one["loc"])
    return one["kind"] in _TYPES and any(
        len(other["loc"]) > depth and other["loc"][:depth] == one["loc"] for other in others
    )


def _one_of(messages: Iterable[str]) -> str:
    """Several sentences about one value as one: what was sent is told once."""
    sentences = list(dict.fromkeys(messages))
    tails = {sentence.partition(", not ")[2] for sentence in sentences}
    if len(sentences) == 1 or len(tails) > 1:
        return " or ".join(sentences)
    heads = [sentence.partition(", not ")[0] for sentence in sentences]
    return " or ".join(heads) + (f", not {tail}" if (tail := tails.pop()) else "")


def _fault_of(error: Mapping[str, Any], schema: Schema, sent: object, place: Loc) -> Fault:
    loc, context = plain_loc(error, sent), error.get("ctx", {})
    if error["type"] == _OF_ONE_FIELD:
        value = error["input"].get(context["field"]) if isinstance(error["input"], dict) else None
        whole = [*place, *loc, context["field"]]
        return fault(whole, context["message"], kind=context["kind"], value=value)
    kind, sentence = _WORDS.get(error["type"], ("invalid", ""))
    whole = [*place, *(["body"] if error["type"] == "json_invalid" and not place else loc)]
    if kind == "unknown":
        return unknown(whole, names_at(schema, loc[:-1]), error["input"])
    if kind in ("missing", "not_json"):
        return fault(whole if kind == "missing" else whole[:1], sentence, kind=kind)
    if kind == "invalid":
        words, value = _own_words(error), error.get("input")
        told = isinstance(value, dict) or ", not " in words or str(value) in words
        return fault(whole, words if told else _with_value(words, value), value=value)
    allowed = _allowed(schema, loc)
    limit = next((context[name] for name in _BOUNDS if name in context), None)
    value, meant = shown(error.get("input")), None
    if kind == "not_allowed":
        choices = allowed if isinstance(allowed, list) else [str(context.get("expected", ""))]
        sentence, meant = sentence.format(", ".join(choices)), closest(str(value), choices)
    elif limit is not None:
        sentence = sentence.format(f"{limit:g}" if isinstance(limit, float) else limit)
        sentence = sentence.removesuffix("s") if limit == 1 and kind in _COUNTS else sentence
    return fault(
        whole,
        _with_value(sentence, error.get("input")) + did_you_mean(meant),
        kind=kind,
        value=value,
        allowed=allowed,
        suggestion=meant,
        limit=limit,
    )


def _with_value(sentence: str, value: object) -> str:
    """The sentence with what was sent: short, of lists and objects only what they are."""
    if isinstance(value, list | tuple):
        return f"{sentence}, not {len(value)}" if "item" in sentence else f"{sentence}, not a list"
    if isinstance(value, dict):
        return f"{sentence}, not an object" if sentence.startswith("must be") else sentence
    return f"{sentence}, not {'null' if value is None else repr(shown(value))}"


def _own_words(error: Mapping[str, Any]) -> str:
    """What a validator of ours said; of pydantic's other sentences nothing."""
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["msg"]).partition(", ")[2] or "has a value that is not allowed"
    return "has a value that is not allowed"


def _allowed(schema: Schema, loc: Loc) -> str | list[str] | None:
    found = schemas_at(schema, loc)
    if not found:
        return None
    return allowed_values({"anyOf": found}, schema.get("$defs", {})) or None
