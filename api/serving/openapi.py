"""The OpenAPI document of an app: FastAPI's, with the errors that are really answered."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.errors import ErrorResponse
from api.v1.errors import v1_error_response

_TEXT = {"type": "string"}


def document(app: FastAPI, at: str) -> dict[str, Any]:
    """The document of `app`, whose paths lie below `at`."""
    whole = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = whole.setdefault("components", {})
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "an API key"},
        "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    whole["security"] = [{"key": []}, {"header": []}, {}]
    shapes = _shapes()
    for path, methods in whole["paths"].items():
        shape = shapes[app.state.error_shape(at + path)]
        for operation in methods.values():
            _correct(operation["responses"], shape)
    # FastAPI's own shape of a 422, which nobody is answered.
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    return whole


def _correct(responses: dict[str, Any], shape: dict[str, Any]) -> None:
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    content = {"application/json": {"schema": shape}}
    responses["default"] = {"description": "Any other answer: why not", "content": content}


def _shapes() -> dict[ErrorResponse, dict[str, Any]]:
    """What the error answers of each dialect look like."""
    from api import dolby, ittybit, pipelyn

    return {
        dolby.error_response: _object("type title detail instance", status={"type": "integer"}),
        # Its synchronous call answers a form without a file without a code.
        pipelyn.error_response: _object("error") | {"properties": {"error": _TEXT, "code": _TEXT}},
        ittybit.error_response: _object("kind message"),
        v1_error_response: _object("code", detail={"type": ["string", "array"]}),
    }


def _object(texts: str, **others: dict[str, Any]) -> dict[str, Any]:
    properties = dict.fromkeys(texts.split(), _TEXT) | others
    return {"type": "object", "properties": properties, "required": list(properties)}
