"""What values a JSON schema takes, in words, and where in it a field is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Schema = dict[str, Any]
_KINDS = {"string": "text", "boolean": "true | false", "array": "list", "null": "null"}
_COUNTED = {
    "text": ("minLength", "maxLength", "characters"),
    "list": ("minItems", "maxItems", "items"),
}


def allowed_text(schema: Schema, definitions: Schema) -> str:
    """`1 to 60`, `mp4 | webm`, `text`; nothing about null, which means left out."""
    options = [_one(part) for part in members(schema, definitions) if part.get("type") != "null"]
    return " | ".join(dict.fromkeys(options))


def allowed_values(schema: Schema, definitions: Schema) -> str | list[str]:
    """The values where they can be counted, else `allowed_text`."""
    parts = [part for part in members(schema, definitions) if part.get("type") != "null"]
    if parts and all("enum" in part or "const" in part for part in parts):
        return [str(value) for part in parts for value in part.get("enum", [part.get("const")])]
    return allowed_text(schema, definitions)


def members(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """The schemas that `schema` is a choice of, or itself; references are followed."""
    if "$ref" in schema:
        yield from members(definitions.get(schema["$ref"].rsplit("/", 1)[-1], {}), definitions)
    elif choices := schema.get("anyOf") or schema.get("oneOf"):
        for choice in choices:
            yield from members(choice, definitions)
    else:
        yield schema


def schemas_at(schema: Schema, loc: Sequence[str | int]) -> list[Schema]:
    """What `schema` says of the place `loc` in a value; nothing where it does not know it."""
    definitions = schema.get("$defs", {})
    found = list(members(schema, definitions))
    for part in loc:
        below = [inner for outer in found if (inner := _below(outer, part)) is not None]
        found = [member for inner in below for member in members(inner, definitions)]
    return found


def names_at(schema: Schema, loc: Sequence[str | int]) -> list[str]:
    """The names of the fields that an object at `loc` may have."""
    return [name for found in schemas_at(schema, loc) for name in found.get("properties", {})]


def _below(schema: Schema, part: str | int) -> Schema | None:
    if isinstance(part, int):
        items = schema.get("items")
        return items if isinstance(items, dict) else None
    rest = schema.get("additionalProperties")
    found = schema.get("properties", {}).get(part, rest)
    return found if isinstance(found, dict) else None


def _one(facts: Schema) -> str:
    if "enum" in facts:
        return " | ".join(str(value) for value in facts["enum"])
    if "const" in facts:
        return str(facts["const"])
    named = str(facts.get("type", "any"))
    kind = _KINDS.get(named, named)
    if facts.get("pattern") and kind == "text":
        return f"text like {facts['pattern']}"
    if counted := _COUNTED.get(kind):
        least, most, what = counted
        return kind + _count(facts.get(least), facts.get(most), what)
    low = facts.get("minimum", facts.get("exclusiveMinimum"))
    high = facts.get("maximum", facts.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{kind} from {low:g}"
    return f"{kind} up to {high:g}" if high is not None else str(kind)


def _count(least: int | None, most: int | None, what: str) -> str:
    if most is not None:
        return f" of {least or 0} to {most:,} {what}" if least else f" of up to {most:,} {what}"
    return f" of at least {least} {what}" if least else ""
