"""The bodies that ask for jobs, as schemas that `operation` tells apart. Pure.

A job's `params` are whatever its operation takes. To the server they are an object that the
operation looks at; whoever reads the OpenAPI document finds them spelt out for each operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from reelyard.actors.media.operation import Operation

Schema = dict[str, Any]
REF = "#/components/schemas/"

#: the body's model, and what the schemas made of it are called after the operation's name
_KINDS = {"JobBody": "Job", "BatchItem": "BatchItem", "TaskBody": "Step"}


def add_job_schemas(schemas: dict[str, Schema], operations: Iterable[Operation]) -> None:
    """Spell out, in `schemas` by name, the bodies that name an operation: for each operation its
    parameters (`TranscodeParams`) and each body that asks for it (`TranscodeJob`)."""
    catalogue = sorted(operations, key=lambda op: op.name)
    for op in catalogue:
        schemas |= params_schemas(op)
    for model, kind in _KINDS.items():
        if model in schemas:
            _split(schemas, model, kind, catalogue)


def params_schemas(op: Operation) -> dict[str, Schema]:
    """The schema of an operation's parameters, and of what that refers to, by name."""
    own = camel(op.name)
    whole = op.params.model_json_schema(ref_template=f"{REF}{own}{{model}}")
    parts = {f"{own}{name}": part for name, part in whole.pop("$defs", {}).items()}
    return {_params_name(op): whole | {"title": _params_name(op)}} | parts


def camel(name: str) -> str:
    """`thumbnail_sheet` as `ThumbnailSheet`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))


def _params_name(op: Operation) -> str:
    return f"{camel(op.name)}Params"


def _split(schemas: dict[str, Schema], model: str, kind: str, catalogue: list[Operation]) -> None:
    """Make of the body `model` a choice by `operation`, and of the job that is a graph of steps
    another one."""
    whole = schemas[model]
    mapping = {}
    for op in catalogue:
        name = f"{camel(op.name)}{kind}"
        schemas[name] = _for_operation(whole, name, op)
        mapping[op.name] = REF + name
    choice: Schema = {
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "operation", "mapping": mapping},
    }
    if "tasks" not in whole["properties"]:
        schemas[model] = choice | {"title": model, "description": whole["description"]}
        return
    # A graph may leave its operation out, so the name of one can't choose it.
    single, graph = f"OneOperation{kind}", f"Graph{kind}"
    schemas[single] = choice | {"title": single, "description": "A job of one operation."}
    schemas[graph] = _graph(whole, graph)
    schemas[model] = {
        "title": model,
        "description": whole["description"],
        "anyOf": [{"$ref": REF + single}, {"$ref": REF + graph}],
    }


def _for_operation(whole: Schema, name: str, op: Operation) -> Schema:
    properties = {key: value for key, value in whole["properties"].items() if key != "tasks"}
    properties |= {
        "operation": {"type": "string", "const": op.name, "description": "the operation"},
        "params": {"$ref": REF + _params_name(op)},
    }
    required = [key for key in whole.get("required", []) if key not in ("operation", "params")]
    if op.params.model_json_schema().get("required"):
        required.append("params")
    return whole | {
        "title": name,
        "description": op.summary,
        "properties": properties,
        "required": ["operation", *required],
    }


def _graph(whole: Schema, name: str) -> Schema:
    properties = {key: value for key, value in whole["properties"].items() if key != "params"}
    properties["tasks"] = properties["tasks"]["anyOf"][0] | {
        "description": properties["tasks"]["description"]
    }
    return whole | {
        "title": name,
        "description": "A job that is a graph of steps.",
        "properties": properties,
        "required": ["tasks"],
    }
