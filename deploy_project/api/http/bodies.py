"""The bodies of requests: limited, JSON or a form, and checked against a model."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from deploy_project.api.http.problems import ApiError, invalid
from deploy_project.config.files.problems import shortened

LARGEST = 1 << 20
"""The bytes that a body may have."""
_MOST_FAULTS, _THREADS = 20, 20
_UNUSABLE = re.compile("[\0\ud800-\udfff]")
Model = TypeVar("Model", bound=BaseModel)
Arguments = ParamSpec("Arguments")


def posted(
    handler: Callable[[Request, dict[str, Any]], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that calls `handler` with the fields of the body, as `apart` does."""
    handle = apart(handler)

    async def endpoint(request: Request) -> Response:
        content = await read(request)
        return await handle(request, mapping(content, request.headers.get("content-type", "")))

    return endpoint


def apart(handler: Callable[Arguments, Response]) -> Callable[Arguments, Awaitable[Response]]:
    """Return the endpoint that calls `handler` in one of a few threads of its own.

    Those that wait for a lock, for Dagster or for another server hold up no read.
    """
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="apart")

    async def endpoint(*arguments: Arguments.args, **named: Arguments.kwargs) -> Response:
        call = partial(handler, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(threads, call)

    return endpoint


async def read(request: Request) -> bytes:
    """Return the body of a request; raise `ApiError` 413 for one that is too large."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise ApiError(413, f"The body is larger than {LARGEST >> 10} KiB.")
    return bytes(content)


def mapping(content: bytes, content_type: str) -> dict[str, Any]:
    """Return the fields of a body; raise `ApiError` 400 for one that has none.

    A form has texts only: those that are empty stand for null.
    """
    found: Any
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            pairs = parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True)
            found = {name: value or None for name, value in pairs}
        else:
            found = json.loads(content or b"{}")
    except (ValueError, RecursionError) as error:
        raise invalid(f"The body is not JSON: {_told(error)}") from None
    if not isinstance(found, dict):
        raise invalid(f"The body must be a JSON object, found {type(found).__name__}")
    if any(map(_UNUSABLE.search, _texts(cast(dict[str, Any], found)))):
        raise invalid("The body has a character that no program takes (NUL, or half of a pair)")
    return cast(dict[str, Any], found)


def _texts(found: Any) -> Iterator[str]:
    """Yield all texts in JSON, its keys too; nothing nests deeper than the parser lets it."""
    left = [found]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            left += [part for pair in cast(dict[str, Any], each).items() for part in pair]
        elif isinstance(each, list):
            left += cast(list[Any], each)


def checked(model: type[Model], given: dict[str, Any]) -> Model:
    """Return `given` as `model` has it; raise `ApiError` 400 with a text for each fault."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults: dict[str, str] = {}
        for each in error.errors(include_url=False)[:_MOST_FAULTS]:
            *within, name = [shortened(str(part)) for part in each["loc"]]
            place = ".".join([*within, name])
            if each["type"] == "extra_forbidden":
                text = f"Additional properties are not allowed ({name!r} was unexpected)"
                faults[".".join(within) or name] = text
            else:
                faults[place] = each["msg"]
        raise invalid(faults) from None


def _told(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
