"""Values of settings: how lists and tables are written in the environment, and what is wrong with a
value, in the words of whoever set it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError
from pydantic.functional_validators import BeforeValidator
from pydantic_settings import NoDecode

from reelyard.cluster.faults import Fault, faults_of


def _list_of(value: object) -> object:
    """A list as the environment holds it: `a, b`, or JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return _json_of(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _table_of(value: object) -> object:
    """A table of texts as the environment holds it: `a=1, b=2`, or JSON."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        return _json_of(value)
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError("must be pairs such as region=eu, endpoint=http://store:9000, or JSON")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _json_of(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None


StringList = Annotated[list[str], NoDecode, BeforeValidator(_list_of)]
StringTable = Annotated[dict[str, str], NoDecode, BeforeValidator(_table_of)]


def faults_in_settings(error: ValidationError, settings: type[BaseModel]) -> list[Fault]:
    """What is wrong with each setting, and where its value may come from."""
    schema = settings.model_json_schema()
    return [_fault_of(one, schema) for one in error.errors()]


def _fault_of(error: Any, schema: dict[str, Any]) -> Fault:
    (one,) = faults_of([error], schema, _as_given(error))
    if one["kind"] == "unknown":
        return one | {"message": one["message"].replace("field", "setting", 1)}
    secret = error["loc"][:1] in (
        ("signing_secret",),
        ("storage_options",),
        ("url_secrets_key",),
    )
    if secret:
        one.pop("value", None)
        one["message"] = one["message"].partition(", not ")[0]
    return one | {"field": f"{one['field']} (REELYARD_{str(error['loc'][0]).upper()})"}


def _as_given(error: Any) -> Any:
    """A value in which the place that pydantic names is there."""
    given: Any = error["input"]
    for part in reversed(error["loc"]):
        given = [given] * (part + 1) if isinstance(part, int) else {part: given}
    return given
