"""The OpenAPI document of the front, made from its routes and the table of operations; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute, Mount, Route

from deploy_project.api.openapi.operations import Key, Operation

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_NOT_OF_PROGRAMS = ("/docs/", "/deploy/")
"""The pages, which are for people."""
_TEXTS = {
    "{path}": "path",
    "/hooks/{project}": "project",
    "{subscription}": "subscription",
    "{event}": "event",
    "{receipt}": "receipt",
}
"""The parameters that are no numbers, by a part of their paths."""
_ERRORS = {
    "400": "The request has a fault; `data` tells its place",
    "401": "No token, an unknown one, or one that has expired",
    "403": "The token may not do this, or not in this account",
    "404": "Not there, or not for this token's eyes",
    "422": "An `Idempotency-Key` has come with another body before",
    "429": "Too many requests; `Retry-After` has the seconds to wait",
    "503": "Dagster does not answer; `user_message` says why",
}


def keys(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Key]:
    """Yield the method and the path of each operation that programs call, with plain parameters."""
    for route in routes:
        if isinstance(route, Mount):
            yield from keys(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            path = _PARAMETER.sub(r"{\1}", prefix + route.path)
            if path != "/" and not path.startswith(_NOT_OF_PROGRAMS):
                yield from (
                    (method, path) for method in sorted((route.methods or set()) - {"HEAD"})
                )


def document(
    found: Iterable[Key], operations: Mapping[Key, Operation], *, version: str
) -> dict[str, Any]:
    """Return the document of the operations that are `found`; each has its row in `operations`."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Envelope": _ENVELOPE}
    for method, path in found:
        operation = operations[method, path]
        if operation.body is not None:
            made = operation.body.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= made.pop("$defs", {})
            schemas[operation.body.__name__] = made
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "deploy_project",
            "version": version,
            "description": "dbt Cloud's Admin API, answered by a deployment of your own.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": _TOKEN}},
    }


_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Token …`, or `Bearer …`",
}
_ENVELOPE: Mapping[str, Any] = {
    "type": "object",
    "required": ["status", "data"],
    "properties": {
        "status": {
            "type": "object",
            "required": ["code", "is_success", "user_message", "developer_message"],
            "properties": {
                "code": {"type": "integer"},
                "is_success": {"type": "boolean"},
                "user_message": {"type": "string"},
                "developer_message": {"type": "string"},
            },
        },
        "data": {},
        "extra": {
            "type": "object",
            "properties": {
                "filters": {"type": "object"},
                "order_by": {"type": "string"},
                "pagination": {
                    "type": "object",
                    "properties": {
                        "count": {"type": "integer"},
                        "total_count": {"type": "integer"},
                    },
                },
            },
        },
    },
}


def _operation(method: str, path: str, operation: Operation) -> dict[str, Any]:
    names = [name for name, _ in _PARAMETER.findall(path)]
    texts = [name for part, name in _TEXTS.items() if part in path]
    parameters = [_in_path(name, is_text=name in texts) for name in names]
    parameters += [{"name": name, "in": "query", "schema": {}} for name in operation.query]
    answer = {"description": "The answer", "content": _content(operation)}
    made: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _id(method, path),
        "parameters": parameters,
        "responses": {
            str(operation.status): answer,
            **{code: _refusal(text) for code, text in _ERRORS.items()},
        },
    }
    if operation.is_open:
        made["security"] = []
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return made


def _in_path(name: str, *, is_text: bool) -> dict[str, Any]:
    schema = {"type": "string" if is_text else "integer"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _content(operation: Operation) -> dict[str, Any]:
    if operation.is_file:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}


def _refusal(text: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    return {"description": text, "content": content}


def _id(method: str, path: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api"))
    return "_".join([method.lower(), *words])
