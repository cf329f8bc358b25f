"""The OpenAPI document of the whole server: every dialect, and what moves bytes.

It is FastAPI's, made readable for programs that write clients from it: names that stay, models of
one name each, the parameters of each operation, and the errors that are really answered.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from reelyard.actors.media.catalogue import load_operations
from reelyard.api.serving.health import VERSION
from reelyard.api.serving.openapi import error_schemas, examples
from reelyard.api.serving.openapi.job_schemas import add_job_schemas
from reelyard.api.serving.routes import TRANSFER_AT, byte_routers, json_routers
from reelyard.cluster.settings import Settings

Schema = dict[str, Any]
_ABOUT = """\
Media jobs on a Ray cluster.

`/v1` is VideoConduit's API and Reelyard's own; beside it are the job APIs of Dolby.io (`/media`),
Pipelyn (`/api/media`) and ittybit (`/jobs`, `/tasks`), over the same jobs.

A job is submitted (`createJob`), polled or waited for (`getJob` with `wait`), and its files are
fetched from `outputs[].url`. Send a key as `Authorization: Bearer KEY` or `x-api-key: KEY`.
"""
_TAGS = {
    "jobs": "Submit, watch, list, cancel and repeat jobs.",
    "operations": "What can be done, with all parameters.",
    "account": "Credits and counts of your own.",
    "uploads": "Files sent to the server: in one request, or in parts with tus 1.0.",
    "files": "Files by signed URL: whoever has it may use it until it ends.",
    "videoconduit": "Calls of VideoConduit's that name their operation.",
    "dolby": "Dolby.io's Media API.",
    "pipelyn": "Pipelyn's API.",
    "ittybit": "ittybit's API.",
    "admin": "Pools, keys and credits, for admins alone.",
    "health": "For probes and monitors.",
}
_DIALECTS = ("dolby", "pipelyn", "ittybit")
_EVENTS = "text/event-stream"
_PARAMETERS = {
    "job_id": "id of a job, a UUID",
    "task_id": "id of a task",
    "upload_id": "id of an upload",
    "key_id": "id of an API key, as `listKeys` gives it",
    "name": "name of an operation",
    "pool": "name of a pool of workers",
    "tenant": "name of a tenant",
    "token": "what a signed URL ends in",
    "status": "only jobs in this state",
    "kind": "only jobs that make this",
    "input": "only jobs of this input, as it was sent",
    "limit": "how many at most",
    "page": "number of the page, from 1; newer clients use `after`",
    "after": "id behind which the page begins",
    "before": "id before which the page ends",
    "order": "desc: newest first; asc: oldest first",
    "cursor": "`next_cursor` of the page before",
    "next_token": "`next_token` of the page before",
    "submitted_after": "ISO 8601 time; only jobs submitted then or later",
    "submitted_before": "ISO 8601 time; only jobs submitted then or earlier",
    "url": "where the media is",
    "Last-Event-ID": "number of the last event seen; the stream goes on behind it",
}
"""What parameters of those names mean wherever a route says no more of one."""


def build_document(settings: Settings) -> Schema:
    """The document of a server with these settings, whose operations of its own are in it.

    Raises `BadRequest` if one of them can't be loaded.
    """
    app = FastAPI(generate_unique_id_function=operation_id)
    for router in json_routers():
        app.include_router(router)
    for router in byte_routers():
        app.include_router(router, prefix=TRANSFER_AT)
    whole = get_openapi(
        title="Reelyard",
        version=VERSION,
        summary="A media-processing cluster of your own.",
        description=_ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    components = whole["components"]
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "an API key"},
        "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "Dolby.io's app key (id or name of an API key) and secret (its text)",
        },
    }
    whole["security"] = [{"key": []}, {"header": []}, {}]
    # FastAPI's own shape of a 422, which nobody is answered.
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"] |= error_schemas.schemas()
    for path, methods in whole["paths"].items():
        for entry in methods.values():
            _correct(path, entry)
    operations = load_operations(settings.operations).values()
    add_job_schemas(components["schemas"], operations)
    shown = {"createJob": examples.of_operations(operations)} | {
        name: {"example": {"value": body}} for name, body in examples.BODIES.items()
    }
    for methods in whole["paths"].values():
        for entry in methods.values():
            if entry["operationId"] in shown:
                content = entry["requestBody"]["content"]["application/json"]
                content["examples"] = shown[entry["operationId"]]
    for schema in components["schemas"].values():
        plain(schema)
    return whole


def operation_id(route: APIRoute) -> str:
    """`createJob` for `create_job`; in the other dialects with their name before it."""
    first, *rest = route.name.split("_")
    dialect = next((str(tag) for tag in route.tags if tag in _DIALECTS), None)
    words = [dialect, first, *rest] if dialect else [first, *rest]
    return words[0] + "".join(word.capitalize() for word in words[1:])


def plain(schema: Schema) -> None:
    """Take out of a schema what generators of clients trip over.

    A property's title is its name again, of which some make a class of its own. A default makes
    others demand the field, so it is told in words.
    """
    for facts in schema.get("properties", {}).values():
        facts.pop("title", None)
        if "default" in facts:
            _tell_default(facts, facts.pop("default"))
        plain(facts)
    for part in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, dict):
            plain(part)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        plain(part)


def _tell_default(facts: Schema, default: Any) -> None:
    if default in (None, {}, [], ""):
        return
    value = {True: "true", False: "false"}[default] if isinstance(default, bool) else default
    text = facts.get("description", "").rstrip(".")
    facts["description"] = f"{text}; default {value}" if text else f"default {value}"


def _correct(path: str, entry: Schema) -> None:
    responses = entry["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status, response in responses.items():
        if status.startswith(("4", "5")) and _EVENTS in response.get("content", {}):
            response["content"] = {"application/json": response["content"].pop(_EVENTS)}
    if _EVENTS in responses.get("200", {}).get("content", {}):
        # OpenAPI 3.1 has no words for the single event.
        responses["200"]["content"][_EVENTS] = {"schema": {"type": "string"}}
    schema = {"$ref": f"#/components/schemas/{error_schemas.name_at(path)}"}
    content = {"application/json": {"schema": schema}}
    responses["default"] = {"description": "Any other answer: why not.", "content": content}
    entry.setdefault("description", f"{entry['summary']}.")
    for parameter in entry.get("parameters", []):
        _describe(parameter)


def _describe(parameter: Schema) -> None:
    schema = parameter["schema"]
    parameter.setdefault("description", _PARAMETERS.get(parameter["name"]))
    # A parameter that may be left out is not sent as null.
    if "anyOf" in schema:
        given = [part for part in schema.pop("anyOf") if part != {"type": "null"}]
        schema |= given[0] if len(given) == 1 else {"anyOf": given}
    plain({"properties": {parameter["name"]: schema}})
